"""What a task may be told about retries and usage windows: ranges, and what helps at all. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from cc_executor.errors import InvalidSpec
from cc_executor.model.failures import FAILURES
from cc_executor.model.specs import Park, RetryPolicy, TaskSpec

_MOST: Final = 100
_LONGEST_S: Final = 86_400.0
_LONGEST_HOURS: Final = 8 * 24.0

_DELAY: Final = (
    lambda seconds: 0 <= seconds <= _LONGEST_S and not math.isnan(seconds),
    f"must be a number of seconds from 0 to {_LONGEST_S:g}",
)
_RETRY: Final[Mapping[str, tuple[Callable[[float], bool], str]]] = {
    "max": (lambda count: 0 <= count <= _MOST, f"must be from 0 to {_MOST}"),
    "base_s": _DELAY,
    "max_s": _DELAY,
    "jitter_s": _DELAY,
}
_PARK: Final[Mapping[str, tuple[Callable[[float], bool], str]]] = {
    "max_waits": (lambda count: 1 <= count <= _MOST, f"must be from 1 to {_MOST}"),
    "max_hours": (
        lambda hours: 0 < hours <= _LONGEST_HOURS,
        f"must be above 0 and at most {_LONGEST_HOURS:g} (no window is longer)",
    ),
}


def check_waits(spec: TaskSpec, where: str) -> None:
    """Do nothing when `retry` and `park` can be obeyed.

    Args:
        spec: The task.
        where: Its path, for the error.

    Raises:
        InvalidSpec: A number is out of range, or a failure is named for which trying again never
            helps.
    """
    if spec.retry is not None:
        _check_numbers(spec.retry, _RETRY, f"{where}.retry")
        _check_failures(spec.retry, f"{where}.retry.on")
        if spec.retries:
            raise InvalidSpec(
                f"{where}.retries", "`retry` says it already", hint="Write `retry: {max: N}`."
            )
    if isinstance(spec.park, Park):
        _check_numbers(spec.park, _PARK, f"{where}.park")


def _check_numbers(
    value: RetryPolicy | Park,
    ranges: Mapping[str, tuple[Callable[[float], bool], str]],
    where: str,
) -> None:
    for field, (is_good, problem) in ranges.items():
        if not is_good(getattr(value, field)):
            raise InvalidSpec(f"{where}.{field}", problem)


def _check_failures(policy: RetryPolicy, where: str) -> None:
    hopeless = [str(one) for one in policy.on if not FAILURES[one].retry_can_help]
    if hopeless:
        can_help = ", ".join(str(one) for one, facts in FAILURES.items() if facts.retry_can_help)
        raise InvalidSpec(
            where,
            f"trying again does not help after {', '.join(hopeless)}",
            hint=f"It can help after {can_help}.",
        )
