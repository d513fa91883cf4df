"""What the supervisor's account of an end means, whatever the agent said before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import EndedBy, Executed

#: Ends that we brought about, or that nobody saw. An exit by itself, and the grace after a
#: result, are judged by what the agent said.
IMPOSED: Final[Mapping[EndedBy, Failure]] = {
    EndedBy.TIMER: Failure.TIMED_OUT,
    EndedBy.CANCEL: Failure.CANCELLED,
    EndedBy.ORPHANED: Failure.ABANDONED,
    EndedBy.LIMIT: Failure.RESOURCE_EXCEEDED,
    EndedBy.START: Failure.START_FAILED,
    EndedBy.LOST: Failure.LOST,
}


def imposed(executed: Executed) -> tuple[Failure, str | None] | None:
    """Return the failure that the end itself means, with a sentence; None for ends by itself."""
    failure = IMPOSED.get(executed.ended_by)
    if failure is None:
        return None
    return failure, _sentence(failure, executed)


def _sentence(failure: Failure, executed: Executed) -> str | None:
    if failure is Failure.TIMED_OUT:
        return f"the {executed.timer} timer expired"
    if failure is Failure.RESOURCE_EXCEEDED:
        return f"the {executed.limit} limit was reached"
    if failure is Failure.START_FAILED:
        return executed.error
    return executed.error
