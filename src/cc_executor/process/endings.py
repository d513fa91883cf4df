"""Why an attempt ends, in the words of `model.outcomes`, which a supervisor does not import.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from cc_executor.process import timers

# `model.outcomes.EndedBy`
EXIT: Final = "exit"
TIMER: Final = "timer"
CANCEL: Final = "cancel"
GRACE: Final = "grace"
ORPHANED: Final = "orphaned"
LIMIT: Final = "limit"
BUDGET: Final = "budget"
NOT_STARTED: Final = "start"
LOST: Final = "lost"


class Cause(NamedTuple):
    """Why the attempt is to end, in the words of `model.outcomes.Executed`."""

    ended_by: str
    timer: str | None = None
    limit: str | None = None
    error: str | None = None


#: What it means that a timer has ended.
EXPIRY: Final[Mapping[str, Cause]] = {
    timers.TOTAL: Cause(TIMER, timer="total"),
    timers.START: Cause(TIMER, timer="start"),
    timers.FIRST_BYTE: Cause(TIMER, timer="first_byte"),
    timers.IDLE: Cause(TIMER, timer="idle"),
    timers.CAP: Cause(TIMER, timer="cap"),
    timers.PAUSED: Cause(TIMER, timer="paused"),
    timers.GRACE: Cause(GRACE),
    timers.ORPHAN: Cause(ORPHANED),
}


def timer_of(cause: Cause | None) -> str | None:
    """Return the timer that has ended an attempt, None when it was something else."""
    return next((timer for timer, expiry in EXPIRY.items() if expiry is cause), None)


#: What it means that a signal reaches the supervisor itself.
SIGNALLED: Final = Cause(ORPHANED, error="the supervisor was told to terminate (SIGTERM)")


def how_it_exited(status: int) -> dict[str, Any]:
    """Return what a wait status says: an exit code, or the name of the signal."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {known.value: known.name for known in signal.Signals}
        return {"signal": names.get(number, f"SIG{number}")}  # real-time signals have no name
    return {"exit_code": os.WEXITSTATUS(status)}
