"""Where the next value will be, from groups of examples, each inside a broader one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

#: Examples that a group remembers: what is older fades. So drift is followed.
_MEMORY: Final = 60.0
#: Runs that a drift of all groups is read from, and how many standard errors are no chance.
_MEMORY_OF_DRIFT: Final = 40.0
_NOTICED: Final = 2.0
#: What part of a variance lies inside the narrower groups, before that is known.
_INSIDE: Final = 0.5
#: How many examples that, and what is known of other groups of the level, count for.
_PRIOR_OF_LEVEL: Final = 3.0
_PRIOR_OF_GROUP: Final = 6.0
#: Least part of a group's variance that lies between the groups inside it. Without it, a group
#: that differs after all would never be heard.
_LEAST_BETWEEN: Final = 0.05
_LEAST_VARIANCE: Final = 1e-6


class Expected(NamedTuple):
    """A normal distribution on a logarithmic scale."""

    mean: float
    variance: float

    def score(self, value: float) -> float:
        """Return how many standard deviations the value lies above the mean."""
        return (value - self.mean) / math.sqrt(self.variance)

    def value(self, score: float) -> float:
        """Return the value that has this score."""
        return self.mean + score * math.sqrt(self.variance)

    def beyond(self, value: float) -> float:
        """Return what is to be expected of something that is only known to be larger."""
        sd = math.sqrt(self.variance)
        score = (value - self.mean) / sd
        if score > 6:
            return value + sd / score
        above = math.erfc(score / math.sqrt(2)) / 2
        density = math.exp(-score * score / 2) / math.sqrt(2 * math.pi)
        return self.mean + sd * density / above


class Drift:
    """What all groups have lately been off by, in standard deviations.

    A new version of an agent changes all kinds of its tasks at once, which shows in all of them
    together long before it shows in each.
    """

    def __init__(self) -> None:
        self._count = 0.0
        self._mean = 0.0

    def correct(self, expected: Expected) -> Expected:
        """Return what is expected, moved by the drift as far as it is more than chance."""
        if not self._mean:
            return expected
        # Of a mean of n scores, the variance is about 1/n; of one that fades, half of that.
        chance = _NOTICED**2 / (2 * self._count * self._mean**2)
        moved = self._mean * max(0.0, 1 - chance)
        return Expected(expected.value(moved), expected.variance)

    def learn(self, score: float) -> None:
        """Add how far off an expectation was that was not corrected."""
        self._count = self._count * (1 - 1 / _MEMORY_OF_DRIFT) + 1
        self._mean += (min(3.0, max(-3.0, score)) - self._mean) / self._count


class _Group:
    __slots__ = ("count", "mean", "squares")

    def __init__(self) -> None:
        self.count = 0.0
        self.mean = 0.0
        self.squares = 0.0


class Levels:
    """Groups of examples at several levels, from broad to narrow.

    Each level pulls the expectation of the broader one to its own mean, the more, the more
    examples its group has and the more the groups of this level differ from each other
    (shrinkage, as in a hierarchical normal model). A group without examples changes nothing.

    Args:
        prior: What is expected without any example.
        depth: How many levels there are.
    """

    def __init__(self, prior: Expected, depth: int) -> None:
        self._prior = prior
        self._groups: list[dict[Hashable, _Group]] = [{} for _ in range(depth)]
        self._squares = [0.0] * depth
        self._freedom = [0.0] * depth

    def expect(self, keys: Sequence[Hashable | None]) -> Expected:
        """Return what is expected of the next value of these groups; None: of no group."""
        mean, variance = self._prior
        for groups, squares, freedom, key in zip(
            self._groups, self._squares, self._freedom, keys, strict=True
        ):
            group = groups.get(key)
            if group is None:
                continue
            inside = (squares + _PRIOR_OF_LEVEL * _INSIDE * variance) / (freedom + _PRIOR_OF_LEVEL)
            between = variance - inside
            between = max(between, _LEAST_BETWEEN * variance)
            pull = group.count / (group.count + inside / between)
            mean += pull * (group.mean - mean)
            own = (group.squares + _PRIOR_OF_GROUP * inside) / (group.count - 1 + _PRIOR_OF_GROUP)
            variance = own + between * (1 - pull) + _LEAST_VARIANCE
        return Expected(mean, variance)

    def depth(self, keys: Sequence[Hashable | None]) -> int:
        """Return at how many levels at most, from broad to narrow, there are examples."""
        for level in range(len(keys), 0, -1):
            if keys[level - 1] in self._groups[level - 1]:
                return level
        return 0

    def learn(self, keys: Sequence[Hashable | None], value: float) -> None:
        """Add an example to its groups."""
        fading = 1 - 1 / _MEMORY
        for level, key in enumerate(keys):
            if key is None:
                continue
            group = self._groups[level].get(key)
            if group is None:
                group = self._groups[level][key] = _Group()
            kept = group.count * fading
            away = value - group.mean
            group.count = kept + 1
            group.mean += away / group.count
            square = away * (value - group.mean)
            if kept:
                group.squares = group.squares * fading + square
                # Deviations from a mean of few are too small, which `squares / (count - 1)` sees to.
                self._squares[level] = self._squares[level] * 0.998 + square
                self._freedom[level] = self._freedom[level] * 0.998 + 1
