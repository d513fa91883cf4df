"""A server does not provide what is needed, or is not the one that it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cc_executor.errors.world import Unavailable


class ServerUnavailable(Unavailable):
    """A server could not be started, or does not answer.

    Attributes:
        address: Where it should be; empty when there is none.
        problem: What happened, as a phrase.
    """

    code = "server.unavailable"
    retryable = True
    hint = "Look with `cc-executor server status`; start it with `cc-executor server start`."

    def __init__(self, address: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(address, problem)
        self.address = address
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.address}: {self.problem}" if self.address else self.problem


class EvidenceElsewhere(Unavailable):
    """Evidence is looked at where it lies: on the machine of the server.

    Attributes:
        execution_id: Whose evidence.
    """

    code = "evidence.elsewhere"
    hint = "Run `cc-executor verify` on the server's machine, or have a bundle exported there."

    def __init__(self, execution_id: str) -> None:
        super().__init__(execution_id)
        self.execution_id = execution_id

    def __str__(self) -> str:
        return f"the evidence of {self.execution_id} lies with the server, which does not send it"


class ConnectionLost(Unavailable):
    """The connection to the server ended before the answer came; the request may have been done.

    Attributes:
        problem: How it ended, as a phrase.
    """

    code = "connection.lost"
    retryable = True
    hint = "Send it again with the same idempotency key, or look what the server has."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the connection was lost: {self.problem}"


class ServerNotTrusted(Unavailable):
    """What answers at a server's address cannot show that it is that server.

    Attributes:
        address: Where.
        problem: What is wrong with its certificate, as a phrase.
    """

    code = "server.not_trusted"
    hint = "Name the authority that signed its certificate with --server-ca FILE."

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(address, problem)
        self.address = address
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.address} is not trusted: {self.problem}"


class IncompatibleServer(Unavailable):
    """What answers is no server of cc-executor, or one that this version cannot talk to.

    Attributes:
        address: Where.
        problem: What does not fit, as a phrase.
    """

    code = "server.incompatible"
    hint = "Use the same version of cc-executor on both sides."

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(address, problem)
        self.address = address
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.address}: {self.problem}"


class ServerFailed(Unavailable):
    """The server failed at a request for a reason of its own, which stands in its log."""

    code = "server.failed"
    hint = "Look into the server's log; the request may have been carried out in part."

    def __str__(self) -> str:
        return "the server failed at this request"


class RefusedByServer(Unavailable):
    """A server refused a request with a code that this version does not know.

    Attributes:
        refusal: The server's code, e.g. `task.not_found`; empty when it gave none.
        number: The code of the JSON-RPC error.
        problem: The server's sentence.
        facts: Whatever else it said about it.
    """

    code = "server.refused"
    hint = "Use the same version of cc-executor on both sides."

    def __init__(
        self,
        refusal: str,
        number: int,
        problem: str,
        facts: Mapping[str, Any],
        *,
        hint: str | None = None,
    ) -> None:
        super().__init__(refusal, number, problem)
        self.refusal = refusal
        self.number = number
        self.problem = problem
        self.facts = facts
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return self.problem


class StreamBroken(Unavailable):
    """What came next in a stream does not follow what came before; a piece is missing.

    Attributes:
        attempt_id: Whose output it is.
        expected: Offset that should have come.
        offset: Offset that came.
    """

    code = "stream.broken"
    retryable = True
    hint = "Subscribe again with the last cursor: nothing of the output is lost."

    def __init__(self, attempt_id: str, *, expected: int, offset: int) -> None:
        super().__init__(attempt_id, expected, offset)
        self.attempt_id = attempt_id
        self.expected = expected
        self.offset = offset

    def __str__(self) -> str:
        return (
            f"the output of {self.attempt_id} goes on at byte {self.offset}, not at {self.expected}"
        )
