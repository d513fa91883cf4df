"""A clock that stands until it is told otherwise."""

from __future__ import annotations

import random
from typing import Final

_START_S: Final = 1_700_000_000.25


class ManualClock:
    """Implements `ports.clock.Clock`: the time is what a test says, chance comes from a seed.

    Args:
        now_s: Seconds since the epoch at which it starts.
        seed: Clocks with one seed give the same bytes in the same order; None: nobody's bytes.
    """

    def __init__(self, now_s: float = _START_S, *, seed: int | None = None) -> None:
        self._now_s = now_s
        self._chance = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - a fake may be foreseen

    def now_s(self) -> float:
        """Return the instant at which it stands."""
        return self._now_s

    def entropy(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return self._chance.getrandbits(8 * count).to_bytes(count, "big")

    def advance(self, seconds: float) -> None:
        """Let time pass; backwards if `seconds` is negative, as real clocks do."""
        self._now_s += seconds
