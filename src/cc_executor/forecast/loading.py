"""How much a busy machine stretches what runs on it: learned, smooth and bounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from cc_executor.forecast.grouping import Groups
from cc_executor.model.forecasts import Observation

#: Load above which no more stretch is added. Below 1, everybody has a processor.
_MOST_LOAD: Final = 4.0
#: A task that only computes gets slower in proportion: a slope of 1. Agents mostly wait for their
#: model. With half of it, no load stretches anything by more than two.
_MOST_SLOPE: Final = 0.5
#: How much variation of load must be seen before it counts for half.
_DOUBT: Final = 10.0


def stretch(load: float | None, slope: float) -> float:
    """Return the factor by which a duration grows: from 1 to 2, without jumps."""
    return math.exp(slope * _log(load))


def slope_of(history: Sequence[tuple[Observation, Groups]]) -> float:
    """Return how durations grow with load: 0 not at all, at most a half.

    A regression among runs that are alike, held back where the load has hardly varied.
    """
    together: dict[object, list[tuple[float, float]]] = {}
    for one, keys in history:
        if one.ending == "completed" and one.subject.load is not None and one.duration_s > 0:
            key = next(key for key in reversed(keys) if key is not None)
            together.setdefault(key, []).append((_log(one.subject.load), math.log(one.duration_s)))
    shared = varied = 0.0
    for pairs in together.values():
        middle = math.fsum(load for load, _ in pairs) / len(pairs)
        typical = math.fsum(duration for _, duration in pairs) / len(pairs)
        shared += math.fsum((load - middle) * (duration - typical) for load, duration in pairs)
        varied += math.fsum((load - middle) ** 2 for load, _ in pairs)
    return min(_MOST_SLOPE, max(0.0, shared / (varied + _DOUBT)))


def _log(load: float | None) -> float:
    return 0.0 if load is None else math.log(min(_MOST_LOAD, max(1.0, load)))
