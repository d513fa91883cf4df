"""What passes between the HTTP server and a dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cc_executor.testing.model_api.faults import Action
from cc_executor.testing.model_api.talk import Request


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request.

    Attributes:
        method: In capitals.
        path: Without the query.
        headers: Names in lower case.
        body: All of it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server does about a call.

    Attributes:
        status: HTTP status.
        headers: Besides those that say how long the body is.
        body: Bytes to send, waits and hang-ups, in order; status and headers leave with the
            first bytes.
        in_chunks: The body is sent piece by piece as it comes, else whole, with its length.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: Iterable[Action] = ()
    in_chunks: bool = False


class Dialect(Protocol):
    """One model API."""

    def answer(self, call: Call) -> tuple[Answer, Request | None]:
        """Return what the server does about `call`, and the request for the model in it.

        Raises:
            ValueError: The call is not what this API understands; it is answered with 400.
        """
        ...
