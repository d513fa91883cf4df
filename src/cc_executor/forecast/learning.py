"""From a history of one quantity to a band for the next value of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

from cc_executor.forecast.grouping import Groups
from cc_executor.forecast.levels import Drift, Expected, Levels
from cc_executor.forecast.survival import Sample, Survival
from cc_executor.model.forecasts import Band

#: Most scores that quantiles are taken from.
_MOST_SCORES: Final = 400
#: How many of each broader level are heard in any case, if there are so many.
_OF_EACH_LEVEL: Final = 40
#: How many scores of runs as new as the next one are enough to do without all others.
_ENOUGH_AS_NEW: Final = 15
#: The first examples are compared with a prior that knew nothing: their scores say nothing.
_WARM_UP: Final = 3
#: Scores of no run, for histories with few: a normal distribution, a little too wide, and twice as
#: wide where there are no others.
_IMAGINED: Final = tuple(1.05 * NormalDist().inv_cdf((place + 0.5) / 8) for place in range(8))
#: How fast the level that is asked for follows what was missed lately, in parts of 1 - level.
_ADAPTING: Final = 0.02
#: A score that is itself the quantile is not beyond it, however it was rounded.
_ROUNDING: Final = 1e-9
_QUANTILES: Final = (0.5, 0.9, 0.99)


class Example(NamedTuple):
    """One value of a history.

    Attributes:
        keys: Its groups, from broad to narrow; None: of no group at this level.
        value: Logarithm of what was seen.
        censored: The true value is larger.
    """

    keys: Groups
    value: float
    censored: bool


def learn(examples: Sequence[Example], keys: Groups, prior: Expected) -> tuple[float, float, float]:
    """Return the 50, 90 and 99 % quantiles of the next value, as logarithms.

    Each example is first forecast from those before it; its score is how far off that was. The
    quantiles of the scores say how far off the next forecast may be, whatever the reason: spread,
    too few examples, drift.

    Args:
        examples: Oldest first.
        keys: The groups of the next value.
        prior: What is expected without examples.
    """
    levels = Levels(prior, len(keys))
    drift = Drift()
    scores = _Scores(keys)
    for number, example in enumerate(examples):
        usual = levels.expect(example.keys)
        expected = drift.correct(usual)
        value = example.value
        if number >= _WARM_UP:
            score = Sample(expected.score(value), example.censored)
            scores.add(score, example.keys, levels.depth(example.keys))
        if example.censored:
            value = expected.beyond(value)
        if number >= _WARM_UP:
            drift.learn(usual.score(value))
        levels.learn(example.keys, value)
    expected = drift.correct(levels.expect(keys))
    chosen = scores.choose(levels.depth(keys))
    width = 1 + 1 / (1 + len(chosen))
    survival = Survival((*chosen, *(Sample(width * score) for score in _IMAGINED)))
    p50, p90, p99 = (
        expected.value(survival.quantile(_adapted(chosen, survival, level))) for level in _QUANTILES
    )
    return p50, max(p50, p90), max(p50, p90, p99)


def band(quantiles: tuple[float, float, float], *, factor: float, at_most: float) -> Band:
    """Return quantiles of logarithms as a band of values, none above `at_most`."""
    most = math.log(at_most)
    scale = math.log(factor)
    p50, p90, p99 = (math.exp(min(most, one + scale)) for one in quantiles)
    # exp(log(x)) may lie a bit beyond x.
    return Band(p50=min(p50, at_most), p90=min(p90, at_most), p99=min(p99, at_most))


class _Scores:
    """How far off forecasts were, by how much their runs have in common with the next one.

    Args:
        keys: The groups of the next one.
    """

    def __init__(self, keys: Groups) -> None:
        self._keys = keys
        self._tiers: list[list[tuple[int, Sample]]] = [[] for _ in range(len(keys) + 1)]

    def add(self, score: Sample, keys: Groups, depth: int) -> None:
        """Add one; `depth` is how much was known of its run."""
        self._tiers[self._shared(keys)].append((depth, score))

    def choose(self, depth: int) -> list[Sample]:
        """Return the newest, those of the narrowest group first; the result is oldest first.

        Of something new, only scores are heard of what was as new then, if there are enough: of
        what is known well, forecasts are off by less.
        """
        tiers = [[score for known, score in tier if known <= depth] for tier in self._tiers]
        if sum(map(len, tiers)) < _ENOUGH_AS_NEW:
            tiers = [[score for _, score in tier] for tier in self._tiers]
        chosen: list[Sample] = []
        for tier in reversed(tiers):
            room = max(_OF_EACH_LEVEL, _MOST_SCORES - len(chosen))
            chosen = [*tier[-room:], *chosen]
        return chosen

    def _shared(self, keys: Groups) -> int:
        """Return how narrow the narrowest group is that both are in; 0: none."""
        for level in range(len(keys), 0, -1):
            if keys[level - 1] is not None and keys[level - 1] == self._keys[level - 1]:
                return level
        return 0


def _adapted(scores: Sequence[Sample], survival: Survival, level: float) -> float:
    """Return the level to ask for so that `level` is kept, judged by what was missed lately.

    Source: Gibbs and Candès 2021, "Adaptive conformal inference under distribution shift".
    """
    aim = missing = 1 - level
    least, most = aim / 3, aim * 1.5
    never_missed = survival.quantile(1 - most)
    up = _ADAPTING * aim * aim
    down = up - _ADAPTING * aim
    for value, censored in scores:
        if value > never_missed and value - survival.quantile(1 - missing) > _ROUNDING:
            missing = max(least, missing + down)
        elif not censored:
            missing = min(most, missing + up)
    return 1 - missing
