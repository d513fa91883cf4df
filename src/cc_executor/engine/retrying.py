"""When a task is tried again, and what people are told of it."""

from __future__ import annotations

from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import Retrying, Waiting
from cc_executor.model.retries import Next, Why, policy_of
from cc_executor.model.specs import RetryPolicy, TaskSpec

_WAITING = "retry"


def retrying(spec: TaskSpec, last: Outcome, following: Next) -> Retrying:
    """Return how the task is tried again."""
    is_delayed = following.why is Why.RETRY and last.executed is not None
    return Retrying(
        reason=str(last.failure),
        by="resume" if following.resume else "fresh",
        number=following.number,
        of=following.of,
        delay_s=_delay_s(policy_of(spec), last, following.number) if is_delayed else 0.0,
    )


def until_then(how: Retrying, following: Next, now_s: float) -> Waiting | None:
    """Return what the task waits for until it is tried again; None: nothing."""
    if following.why is not Why.RETRY or not how.delay_s:
        return None
    of = "" if how.of is None else f" of {how.of}"
    message = f"retry {how.number}{of} after {how.reason} in {how.delay_s:.0f} s"
    return Waiting(_WAITING, now_s, now_s + how.delay_s, message)


def _delay_s(policy: RetryPolicy, last: Outcome, number: int) -> float:
    """Return how long to wait: longer each time, at random, and no less than was asked for."""
    # Only a task that failed needs it.
    from tenacity import RetryCallState, wait_exponential, wait_random
    from tenacity import Retrying as Caller

    wait = wait_exponential(policy.base_s, max=policy.max_s) + wait_random(0.0, policy.jitter_s)
    state = RetryCallState(Caller(), None, (), {})
    state.attempt_number = number
    return max(min(wait(state), policy.max_s), last.retry_after_s or 0.0)
