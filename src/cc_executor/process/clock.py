"""The real clock."""

from __future__ import annotations

import os
import time


class SystemClock:
    """Implements `ports.clock.Clock` with the operating system's clock and random source."""

    def now_s(self) -> float:
        """Return seconds since the epoch, UTC."""
        return time.time()

    def entropy(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return os.urandom(count)
