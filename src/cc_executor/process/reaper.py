"""Reaps the child and everything that became ours when its parent died.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import Final

_RSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024  # Source: getrusage(2)


class Reaper:
    """Waits for all children of this process, and keeps the books.

    Attributes:
        child: Process id of the child; 0 before there is one.
        status: Wait status of the child once it is reaped.
        cpu_s: User and system time of all that was reaped, and of what that had reaped.
    """

    def __init__(self) -> None:
        self.child = 0
        self.status: int | None = None
        self.cpu_s = 0.0
        self._max_rss = 0

    @property
    def max_rss_bytes(self) -> int | None:
        """Peak resident size of the largest process, None when it cannot be told.

        The kernel counts what a process was before it executed its program as its own peak: that
        is this process. Smaller ones disappear behind it.
        """
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return self._max_rss * _RSS_UNIT_BYTES if self._max_rss > own else None

    def reap(self) -> bool:
        """Reap what has ended; return whether any child is left, alive or not."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.child:
                self.status = status
            self.cpu_s += usage.ru_utime + usage.ru_stime
            self._max_rss = max(self._max_rss, usage.ru_maxrss)
