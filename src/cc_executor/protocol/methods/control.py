"""Pause, resume or cancel a task of the session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.model.records import Wish

NAME: Final = "control"
SCOPE: Final = Scope.CONTROL

Kind = Literal["PAUSE", "RESUME", "CANCEL"]
Status = Literal["paused", "resumed", "canceled"]

#: What each kind wishes for, and what has become of the task when it came true.
CONTROLS: Final[Mapping[Kind, tuple[Wish, Status]]] = {
    "PAUSE": (Wish.PAUSE, "paused"),
    "RESUME": (Wish.RESUME, "resumed"),
    "CANCEL": (Wish.CANCEL, "canceled"),
}


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do, and with what.

    Attributes:
        type: `PAUSE`, `RESUME` or `CANCEL`.
        task_id: Default: the only task of the session that has not ended.
    """

    type: Kind
    task_id: str | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """It has been done.

    Attributes:
        status: `paused`, `resumed` or `canceled`.
        task_id: Which task it was.
    """

    status: Status
    task_id: str
