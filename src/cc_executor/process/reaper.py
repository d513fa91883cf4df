"""Reaps the child and everything that became ours when its parent died.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_RSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024  # Source: getrusage(2)


class Reaper:
    """Waits for all children of this process, and keeps the books.

    Attributes:
        status: Wait status of the child once it is reaped.
        cpu_s: User and system time of all that was reaped, and of what that had reaped.
        max_rss_bytes: Peak resident size of the largest of them.
    """

    def __init__(self, child: int) -> None:
        self.status: int | None = None
        self.cpu_s = 0.0
        self.max_rss_bytes = 0
        self._child = child

    def reap(self) -> bool:
        """Reap what has ended; return whether any child is left, alive or not."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._child:
                self.status = status
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self.max_rss_bytes = max(self.max_rss_bytes, usage.ru_maxrss * _RSS_UNIT_BYTES)
