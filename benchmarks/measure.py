"""Measuring in pairs: ours and the bare thing in turn, so that a noisy machine is noisy to both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """One row of the table.

    Attributes:
        name: What was measured.
        ours: Median of ours, in `unit`.
        bare: Median of what it is compared with; None where the aim is absolute.
        ratio: Median of the ratios pair by pair, or `ours` against the aim's absolute bound.
        low: 10th percentile of the ratios.
        high: 90th percentile of the ratios.
        aim: What we want, in words.
        met: Whether it is so.
    """

    name: str
    unit: str
    ours: float
    bare: float | None
    ratio: float
    low: float
    high: float
    aim: str
    met: bool
    pairs: int

    def as_row(self) -> dict[str, object]:
        """Return the row as JSON values."""
        return asdict(self)


async def in_pairs(
    ours: Callable[[], Awaitable[float]],
    bare: Callable[[], Awaitable[float]],
    *,
    pairs: int,
    warm_up: int = 3,
) -> list[tuple[float, float]]:
    """Return `(ours, bare)` for each pair; both return what they measured."""
    for _ in range(warm_up):
        await ours()
        await bare()
    return [(await ours(), await bare()) for _ in range(pairs)]


def summary(
    name: str,
    pairs: list[tuple[float, float]],
    *,
    unit: str,
    scale: float,
    aim: str,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Result:
    """Return the row of measured pairs."""
    ratios = sorted(one / other for one, other in pairs)
    ratio = statistics.median(ratios)
    met = (at_most is None or ratio <= at_most) and (at_least is None or ratio >= at_least)
    return Result(
        name=name,
        unit=unit,
        ours=statistics.median(one for one, _ in pairs) * scale,
        bare=statistics.median(other for _, other in pairs) * scale,
        ratio=ratio,
        low=ratios[len(ratios) // 10],
        high=ratios[-1 - len(ratios) // 10],
        aim=aim,
        met=met,
        pairs=len(pairs),
    )


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def seconds(self) -> float:
        """Return seconds until now."""
        return time.perf_counter() - self._began
