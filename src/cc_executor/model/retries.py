"""Whether a task is tried again after its last attempt, and how. Pure.

What has been done follows from the outcomes of all attempts, which a store never forgets: an engine
that takes a task up counts as the one before it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.outcomes import Outcome, Usage
from cc_executor.model.repairs import is_repair_due, repair_spec
from cc_executor.model.specs import Park, RetryPolicy, TaskSpec

#: A turn was cut short by something that is no fault of the work: the session goes on where it
#: stopped. After all else the session may be the reason, so it begins anew.
RESUMED: Final = frozenset(
    {
        Failure.USAGE_LIMIT,
        Failure.RATE_LIMITED,
        Failure.OVERLOADED,
        Failure.API_ERROR,
        Failure.INTERRUPTED,
    }
)
#: No usage window is longer than a week; a reset beyond this has never been true.
LONGEST_WINDOW_S: Final = 8 * 86_400.0

_GO_ON: Final = (
    "Your last turn was cut short from outside, not by anything you did. Look at how far you have"
    " come, go on with the task from there, and then give your whole answer in the form you were"
    " asked for."
)


class Why(StrEnum):
    """Why another attempt is made."""

    REPAIR = "repair"  # its work was refuted
    RETRY = "retry"
    WINDOW = "window"  # the account's usage window is used up; the task is parked
    ANEW = "anew"  # the session that was to be resumed is not there
    UNSTARTED = "unstarted"  # nothing ran


class Next(NamedTuple):
    """The next attempt.

    Attributes:
        why: Why it is made.
        resume: Whether it goes on in the agent's session.
        number: Which one of its sort it is, from 1.
        of: How many of its sort there may be; None: it does not count.
    """

    why: Why
    resume: bool = False
    number: int = 1
    of: int | None = None


def policy_of(spec: TaskSpec) -> RetryPolicy:
    """Return when the task is tried again: `retry`, else what `retries` says."""
    return spec.retry or RetryPolicy(max=spec.retries)


def park_of(spec: TaskSpec, *, by_default: bool) -> Park | None:
    """Return how far the task waits for usage windows; None: it does not."""
    park = by_default if spec.park is None else spec.park
    if isinstance(park, Park):
        return park
    return Park() if park else None


def next_attempt(
    spec: TaskSpec, outcomes: Sequence[Outcome | None], park: Park | None
) -> Next | None:
    """Return what follows on the last attempt; None: it was the last one.

    Args:
        spec: The task.
        outcomes: Of all its attempts, first to last.
        park: How far it waits for usage windows.
    """
    made = {Why.RETRY: 0, Why.WINDOW: 0}
    following: Next | None = None
    for at in range(1, len(outcomes) + 1):
        following = _after(spec, outcomes[:at], park, made, following)
        last = outcomes[at - 1]
        if following is not None and following.why in made and last and last.executed:
            made[following.why] += 1
    return following


def _after(
    spec: TaskSpec,
    outcomes: Sequence[Outcome | None],
    park: Park | None,
    made: dict[Why, int],
    before: Next | None,
) -> Next | None:
    outcome = outcomes[-1]
    if outcome is None or outcome.failure is None:
        return None
    if outcome.executed is None:
        # What was to be done, is still to be done.
        return before or Next(Why.UNSTARTED) if outcome.failure is Failure.ABANDONED else None
    if is_repair_due(spec, outcomes):
        return Next(Why.REPAIR, resume=True)
    if outcome.failure is Failure.AGENT_SESSION and before is not None and before.resume:
        return Next(Why.ANEW)
    policy = policy_of(spec)
    resume = (
        policy.resume == "auto"
        and outcome.failure in RESUMED
        and outcome.agent_session_id is not None
    )
    if outcome.failure is Failure.USAGE_LIMIT and park and outcome.limit_resets_at is not None:
        number = made[Why.WINDOW] + 1
        is_left = number <= park.max_waits
        return Next(Why.WINDOW, resume, number, park.max_waits) if is_left else None
    number = made[Why.RETRY] + 1
    is_wanted = not policy.on or outcome.failure in policy.on
    if FAILURES[outcome.failure].retry_can_help and is_wanted and number <= policy.max:
        return Next(Why.RETRY, resume, number, policy.max)
    return None


def next_spec(spec: TaskSpec, outcomes: Sequence[Outcome | None], following: Next) -> TaskSpec:
    """Return what the next attempt is asked."""
    ran = [one for one in outcomes if one is not None and one.executed is not None]
    if not ran:
        return spec
    last = ran[-1]
    if following.why is Why.REPAIR:
        return repair_spec(spec, last)
    if following.resume:
        return msgspec.structs.replace(spec, session_id=last.agent_session_id, prompt=_GO_ON)
    return spec


def credible(outcome: Outcome, now_s: float) -> Outcome:
    """Return the outcome without a time of reset that cannot be true, and say that it was there.

    Whoever waits until then would wait for ever, or not at all.
    """
    resets_at = outcome.limit_resets_at
    if resets_at is None or is_credible(resets_at, now_s):
        return outcome
    said = f"{outcome.message or ''} (the reported time of reset, {resets_at:.0f}, cannot be true)"
    return msgspec.structs.replace(outcome, limit_resets_at=None, message=said.strip())


def is_credible(resets_at: float, now_s: float) -> bool:
    """Tell whether a usage window that was reported now can reset then."""
    return now_s < resets_at <= now_s + LONGEST_WINDOW_S


def with_whole_cost(outcome: Outcome, earlier: Sequence[Outcome | None]) -> Outcome:
    """Return a task's outcome with what all its attempts have cost.

    What one of them that ran did not say makes the sum unknown.
    """
    ran = [one for one in earlier if one is not None and one.executed is not None]
    if not ran:
        return outcome
    if outcome.executed is not None:
        ran.append(outcome)
    costs = [one.cost_usd for one in ran]
    usages = [one.usage for one in ran]
    return msgspec.structs.replace(outcome, cost_usd=_sum(costs), usage=_usage(usages))


def _sum(costs: Sequence[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _usage(usages: Sequence[Usage | None]) -> Usage | None:
    known = [usage for usage in usages if usage is not None]
    if len(known) != len(usages):
        return None
    fields = Usage.__struct_fields__
    return Usage(**{field: sum(getattr(usage, field) for usage in known) for field in fields})
