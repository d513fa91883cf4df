"""How the server itself is: its loop's lag, what it has served, what it serves now."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import Final

import msgspec

_TICK_S: Final = 0.1
#: Ticks that a lag is told of: the last minute.
_TICKS: Final = 600


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """By how much the event loop was late, in seconds, over the last minute."""

    p50_s: float
    p99_s: float
    max_s: float


class Vitals:
    """Counts, and watches the loop. Everything happens on the loop: no locks.

    Attributes:
        started_at: Seconds since the epoch, UTC.
        requests: How many were answered, by door and method or route, and how they ended.
        sent_bytes: Bytes of output that were sent to clients.
        streams: How many streams are being followed.
    """

    def __init__(self, *, started_at: float) -> None:
        self.started_at = started_at
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.sent_bytes = 0
        self.streams = 0
        self._lags: deque[float] = deque(maxlen=_TICKS)

    def answered(self, door: str, what: str, outcome: str) -> None:
        """Count a request: `what` is a method or route that exists, never what a client made up."""
        self.requests[door, what, outcome] += 1

    def lag(self) -> Lag:
        """Return by how much the loop was late."""
        lags = sorted(self._lags) or [0.0]
        return Lag(p50_s=lags[len(lags) // 2], p99_s=lags[(len(lags) * 99) // 100], max_s=lags[-1])

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            wanted = time.monotonic() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self._lags.append(max(time.monotonic() - wanted, 0.0))
