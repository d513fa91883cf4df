"""Take up a session whose connection was lost: its streams go on after what was acknowledged."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.events import Cursor
from cc_executor.model.principals import Scope

NAME: Final = "session.resume"
SCOPE: Final = Scope.READ


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        token: The `resume_token` of `connected`.
        cursors: By subscription, where the reader knows better than what it acknowledged last:
            then nothing comes twice.
    """

    token: str
    cursors: dict[str, Cursor] = {}


class ResumedStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream that goes on.

    Attributes:
        cursor: Where it goes on: what the reader said, else what was acknowledged last.
        head: Where its end is now.
        missed: Events between the two, chunks of output not counted.
    """

    subscription: str
    execution_id: str
    task_id: str | None
    cursor: Cursor
    head: Cursor
    missed: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The session is this connection's now.

    Attributes:
        resume_token: For the next time.
    """

    session_id: str
    resume_token: str
    subscriptions: list[ResumedStream]
