"""How much processor time a tree uses: what tells a silent agent that works from one that hangs.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from cc_executor.process.tree import descendants, everybody

#: Whether this system tells: only Linux has these files.
CAN_SEE: Final = os.path.exists("/proc/self/stat")

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
#: Of a process, and of its children that it has waited for. Source: proc_pid_stat(5).
_TIMES: Final = slice(11, 15)
_STARTED: Final = 19

_Who = tuple[int, bytes]


class Meter:
    """Counts the processor time of everything below this process, which must be a subreaper.

    What it does not see, a process that came and went between two looks and that nobody waited
    for, is missing. What a child had used before a look counts once more when its parent waits for
    it: too much rather than too little, because it is the silence of healthy trees that it excuses.

    Args:
        reaped_s: Returns the processor time of what this process has reaped.
    """

    def __init__(self, reaped_s: Callable[[], float]) -> None:
        self._reaped_s = reaped_s
        self._seen: dict[_Who, int] = {}
        self._seen_reaped_s = 0.0
        self._used_s = 0.0

    def used_s(self) -> float:
        """Look at the whole tree; return what it has used so far, of all processors together."""
        seen = dict(
            found
            for process in descendants((os.getpid(),), everybody())
            if (found := _look(process.pid)) is not None
        )
        reaped_s = self._reaped_s()
        ticks = sum(max(0, now - self._seen.get(who, 0)) for who, now in seen.items())
        self._used_s += ticks / _TICKS_PER_S + reaped_s - self._seen_reaped_s
        self._seen, self._seen_reaped_s = seen, reaped_s
        return self._used_s


def _look(pid: int) -> tuple[_Who, int] | None:
    """Return which process has this id now, and its ticks; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            raw = file.read()
    except OSError:
        return None
    fields = raw[raw.rindex(b")") + 2 :].split()  # the name before may hold anything
    return (pid, fields[_STARTED]), sum(map(int, fields[_TIMES]))
