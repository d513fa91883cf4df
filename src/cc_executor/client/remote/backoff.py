"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

FIRST_S: Final = 0.05
LONGEST_S: Final = 10.0
_FACTOR: Final = 2.0


def delays(
    chance: random.Random, *, first_s: float = FIRST_S, longest_s: float = LONGEST_S
) -> Iterator[float]:
    """Yield waits in seconds, without end: each somewhere between 0 and a bound that doubles.

    The whole wait is left to chance ("full jitter"), so that a thousand clients of a server that
    was restarted do not come back in step.
    """
    bound_s = first_s
    while True:
        yield chance.uniform(0.0, bound_s)
        bound_s = min(bound_s * _FACTOR, longest_s)
