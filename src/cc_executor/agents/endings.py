"""What follows from how the supervisor saw an attempt end, whatever the agent said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.outcomes import EndedBy, Executed


class Verdict(NamedTuple):
    """Why an attempt did not succeed, with one sentence for people."""

    failure: Failure
    message: str


#: None: the program's own end, which its dialect judges.
ENDINGS: Final[Mapping[EndedBy, Failure | None]] = {
    EndedBy.EXIT: None,
    EndedBy.GRACE: None,  # it had given its result, and that counts
    EndedBy.TIMER: Failure.TIMED_OUT,
    EndedBy.CANCEL: Failure.CANCELLED,
    EndedBy.ORPHANED: Failure.ABANDONED,
    EndedBy.BUDGET: Failure.BUDGET,
    EndedBy.LIMIT: Failure.RESOURCE_EXCEEDED,
    EndedBy.START: Failure.START_FAILED,
    EndedBy.LOST: Failure.LOST,
}

_TIMERS: Final[Mapping[str | None, str]] = {
    "start": "It gave no sign of life within its start timeout.",
    "first_byte": "It printed nothing within its first-byte timeout.",
    "idle": "It made no progress within its idle timeout.",
    "total": "It took longer than its timeout.",
    "cap": "It took longer than any attempt may, pauses included.",
    "paused": "It was paused for longer than an attempt may be.",
}


def ended_from_outside(executed: Executed) -> Verdict | None:
    """Return why it ended when that was not the program's own doing; None when it was."""
    failure = ENDINGS[executed.ended_by]
    return None if failure is None else Verdict(failure, _message(failure, executed))


def _message(failure: Failure, executed: Executed) -> str:
    meaning = FAILURES[failure].meaning
    if failure is Failure.TIMED_OUT:
        return _TIMERS.get(executed.timer, meaning)
    if failure is Failure.RESOURCE_EXCEEDED and executed.limit is not None:
        figures = f": {executed.error}" if executed.error else ""
        return f"It reached its {executed.limit} limit{figures}."
    if failure is Failure.START_FAILED and executed.error is not None:
        return f"It could not be started: {executed.error}"
    return meaning


def crashed(executed: Executed) -> Verdict | None:
    """Return the verdict on a program that a signal ended; None when none did."""
    if executed.signal is None:
        return None
    return Verdict(Failure.CRASHED, f"It was ended by {executed.signal} from elsewhere.")
