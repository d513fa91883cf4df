"""Quantiles of samples of which some are only known to be larger than what was seen."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, NamedTuple

#: How many of the largest samples a tail is fitted to, twice, and how much the smaller estimate
#: counts: where the values have two humps, a tail that begins between them is far too long.
_IN_TAIL: Final = (10, 20)
_SMALLER: Final = 0.75
#: Smallest and largest part of the samples that counts as the tail.
_LEAST_TAIL: Final = 0.025
_MOST_TAIL: Final = 0.4
#: What a tail is taken for before it is seen, and how many ends that counts for, divided by the
#: number of samples. Heavier than a normal distribution's: with few samples the values of most
#: interest are those that nobody has seen yet.
_PRIOR_EXCESS: Final = 0.9
_PRIOR_ENDS: Final = 80.0
#: How many samples it takes until a quantile is taken from them rather than from the tail, and at
#: most how far. Both err: samples by chance, a fitted tail where the truth has two humps.
_SAMPLES_RULE: Final = 400.0
_MOST_RULE: Final = 0.6

#: A sample that is itself the threshold is not beyond it, however it was rounded: in a tail of few,
#: one more end without any excess makes a large difference.
_ROUNDING: Final = 1e-9


class Sample(NamedTuple):
    """One value.

    Attributes:
        value: On a logarithmic scale, in standard deviations.
        censored: The true value is larger: what was measured was stopped.
    """

    value: float
    censored: bool = False


class _Tail(NamedTuple):
    reached: float  # the probability of what lies below the threshold
    threshold: float
    mean_excess: float

    def quantile(self, level: float) -> float:
        return self.threshold + self.mean_excess * math.log((1 - self.reached) / (1 - level))


class Survival:
    """The distribution that the next value comes from (Kaplan-Meier, with a tail beyond it).

    A value that was censored hands its probability to the larger ones. The next value itself
    counts as one sample that may be larger than all others: so a level is kept also with few of
    them, which is split conformal prediction. Above a threshold, excesses are taken as
    exponential; as the scale is logarithmic this is a power law, and what n samples cannot show (a
    hundredth, with n < 100) is read from it.

    Args:
        samples: At least one of them not censored.

    Source: Kaplan and Meier 1958; Hill 1975 (the tail); Lei and others 2018 (split conformal).
    """

    def __init__(self, samples: Iterable[Sample]) -> None:
        # At the same value, an end comes before a stop: who was stopped has outlived it.
        ordered = sorted(samples)
        self._values: list[float] = []
        self._reached: list[float] = []
        at_risk = len(ordered) + 1
        surviving = 1.0
        for value, censored in ordered:
            if not censored:
                surviving *= 1 - 1 / at_risk
                self._values.append(value)
                self._reached.append(1 - surviving)
            at_risk -= 1
        self._tails = [self._tail(ordered, count) for count in _IN_TAIL]
        self._rule = min(_MOST_RULE, len(ordered) / _SAMPLES_RULE)

    def _tail(self, ordered: list[Sample], count: int) -> _Tail:
        """Return the tail of about the `count` largest samples."""
        share = min(_MOST_TAIL, max(_LEAST_TAIL, count / len(ordered)))
        # Where the largest are all censored, the tail begins at the last end that was seen.
        reached = min(1 - share, self._reached[-1])
        threshold = self._within(reached)
        beyond = [one for one in ordered if one.value > threshold + _ROUNDING]
        ends = sum(not one.censored for one in beyond)
        excess = math.fsum(one.value - threshold for one in beyond)
        doubt = _PRIOR_ENDS / len(ordered)
        return _Tail(reached, threshold, (excess + _PRIOR_EXCESS * doubt) / (ends + doubt))

    def quantile(self, level: float) -> float:
        """Return the value that is not exceeded with probability `level`, in (0, 1)."""
        within = self._within(level)
        if level <= min(tail.reached for tail in self._tails):
            return within
        fits = [tail.quantile(level) for tail in self._tails if level > tail.reached]
        fitted = _SMALLER * min(fits) + (1 - _SMALLER) * max(fits)
        if level > self._reached[-1]:
            return fitted
        return self._rule * within + (1 - self._rule) * fitted

    def _within(self, level: float) -> float:
        """Return the quantile among the values that were seen, straight between two of them."""
        place = bisect_left(self._reached, level)
        if place >= len(self._values):
            return self._values[-1]
        if place == 0:
            return self._values[0]
        low, high = self._reached[place - 1], self._reached[place]
        part = (level - low) / (high - low)
        return self._values[place - 1] + part * (self._values[place] - self._values[place - 1])
