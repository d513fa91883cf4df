"""A band as a whole distribution: what lies between its quantiles, and beyond them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Final

from cc_executor.model.forecasts import Band

_NORMAL: Final = NormalDist()
_Z90: Final = _NORMAL.inv_cdf(0.9)
_Z99: Final = _NORMAL.inv_cdf(0.99)
#: No smaller value is told from zero.
_LEAST: Final = 1e-9
#: A band without width is given this one, for what lies beyond it.
_LEAST_SLOPE: Final = 0.01
#: From here on the normal distribution is replaced by what it tends to.
_FAR: Final = 6.0
#: How often a sum is played through, at most and at least, and how many values that may take.
_MOST_PLAYS: Final = 1_000
_LEAST_PLAYS: Final = 100
_WORK: Final = 50_000


class Shape:
    """Log-normal in pieces: straight lines through the quantiles, on a logarithmic normal scale.

    Beyond the p99 it goes on as between p90 and p99.
    """

    def __init__(self, band: Band) -> None:
        self._p50, self._p90, self._p99 = (
            math.log(max(_LEAST, one)) for one in (band.p50, band.p90, band.p99)
        )
        self._low = max(_LEAST_SLOPE, (self._p90 - self._p50) / _Z90)
        self._high = max(_LEAST_SLOPE, (self._p99 - self._p90) / (_Z99 - _Z90))

    def value(self, z: float) -> float:
        """Return the value at a place on the normal scale: 0 is the median."""
        if z <= _Z90:
            return math.exp(self._p50 + self._low * z)
        if z <= _Z99:
            return math.exp(self._p90 + self._high * (z - _Z90))
        return math.exp(min(self._p99 + self._high * (z - _Z99), 700.0))

    def z(self, value: float) -> float:
        """Return the place of a value."""
        log = math.log(max(_LEAST, value))
        if log <= self._p90:
            return min(_Z90, (log - self._p50) / self._low)
        if log <= self._p99:
            return _Z90 + (log - self._p90) / self._high
        return max(_Z99, _Z99 + (log - self._p99) / self._high)

    def left_after(self, value: float) -> Band:
        """Return how much larger it will be, given that it is larger than `value`."""
        z = self.z(value)
        p50, p90, p99 = (
            max(0.0, self.value(_later(z, level)) - value) for level in (0.5, 0.9, 0.99)
        )
        return Band(p50=p50, p90=max(p50, p90), p99=max(p50, p90, p99))


def _later(z: float, level: float) -> float:
    """Return the quantile of what lies beyond `z`."""
    if z > _FAR:
        return z - math.log(1 - level) / z
    return -_NORMAL.inv_cdf((1 - level) * _NORMAL.cdf(-z))


def together(
    bands: Sequence[Band],
    shared: Sequence[float],
    combine: Callable[[list[float]], float],
) -> Band:
    """Return the band of a sum (or what `combine` makes) of several values.

    They are played through: chance is spread evenly over each value's distribution and always
    falls the same way.

    Args:
        bands: One for each value; at least one.
        shared: By value, which part of its deviation it has in common with the others, 0 to 1.
            Tasks vary for themselves; an estimate that is wrong is wrong for all of them.
        combine: Makes one value of them, such as `math.fsum`.
    """
    if len(bands) == 1:
        return bands[0]
    plays = max(_LEAST_PLAYS, min(_MOST_PLAYS, _WORK // len(bands)))
    even = [_NORMAL.inv_cdf((place + 0.5) / plays) for place in range(plays)]
    chance = random.Random(plays)  # noqa: S311 - no secret; always the same, so that forecasts are
    common = _shuffled(even, chance)
    columns = []
    for band, part in zip(bands, shared, strict=True):
        shape = Shape(band)
        ours, own = math.sqrt(part), math.sqrt(1 - part)
        columns.append(
            [
                shape.value(ours * one + own * other)
                for one, other in zip(common, _shuffled(even, chance), strict=True)
            ]
        )
    ends = sorted(combine(list(row)) for row in zip(*columns, strict=True))
    p50, p90, p99 = (ends[math.ceil(plays * level) - 1] for level in (0.5, 0.9, 0.99))
    # What is made of them is never less than one of them, nor is a quantile of it; that so many
    # plays fall a little short is no reason to say otherwise.
    return Band(
        p50=max(p50, *(one.p50 for one in bands)),
        p90=max(p90, *(one.p90 for one in bands)),
        p99=max(p99, *(one.p99 for one in bands)),
    )


def _shuffled(values: list[float], chance: random.Random) -> list[float]:
    return chance.sample(values, len(values))
