"""Looks again and again at what a tree takes, in a thread of its own.

Of its own, because a file system that hangs must not keep the supervisor from its timers.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from cc_executor.process.order import Bounds
from cc_executor.process.usage import Usage, fair_memory_bytes, usage_of
from cc_executor.process.written import Written, walk

MEMORY: Final = "memory"
PROCESSES: Final = "processes"
FILE_SIZE: Final = "file_size"
DISK: Final = "disk"
FILES: Final = "files"

_MIB: Final = 1 << 20
#: Before the first look: programs that are shorter never see one.
_FIRST_S: Final = 0.25
#: Between two looks: as long as it takes to reach a limit in a hurry, within these bounds. A hundred
#: agents far from their limits are looked at seldom.
_SHORTEST_S: Final = 0.1
_LONGEST_S: Final = 2.0
#: What a program can take in a second, if that is all it does (measured, rounded up).
_MEMORY_BYTES_PER_S: Final = 4 << 30
_TASKS_PER_S: Final = 5_000
_DISK_BYTES_PER_S: Final = 2 << 30
_FILES_PER_S: Final = 100_000
#: A look at the processes takes at most this share of the time: the whole of /proc may be long.
_LOOKING_SHARE: Final = 0.04
#: Time of one look that goes into walking through files, and when they seem to become many.
_WALK_S: Final = 0.003
_HURRIED_WALK_S: Final = 0.05
_HURRIED_SHARE: Final = 0.25
_LAST_WALK_S: Final = 0.3
_LEAVE_S: Final = 1.0


class Breach(NamedTuple):
    """A limit that was reached: its name, and a sentence with the figure and the limit."""

    limit: str
    problem: str


class Place(NamedTuple):
    """Where an attempt writes.

    Attributes:
        folders: Absolute paths.
        spared: A folder inside of which nothing counts.
        since: Instant, seconds since the epoch, from which it counts.
    """

    folders: tuple[str, ...]
    spared: str
    since: float


class Meter:
    """Measures until it is closed or a limit is reached.

    Args:
        bounds: What to look for; None where somebody else does.
        place: Where the attempt writes.
        members: Returns the ids of its processes.
        also: Called at every look; returns what somebody else has seen.
        on_breach: Called once, in the thread.

    Attributes:
        peak_bytes: Most memory at one moment; may count what processes share several times.
    """

    def __init__(
        self,
        bounds: Bounds,
        place: Place,
        *,
        members: Callable[[], list[int]],
        also: Callable[[], Breach | None],
        on_breach: Callable[[Breach], None],
    ) -> None:
        self._bounds = bounds
        self._place = place
        self._members = members
        self._also = also
        self._on_breach = on_breach
        self.peak_bytes = 0
        self._usage = Usage(0, 0)
        self._written = Written()
        self._hurried = False
        self._thorough = False
        self._left: tuple[int, int] | None = None
        self._steps = self._new_walk()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)

    def start(self) -> None:
        """Begin; the first look is a quarter of a second away."""
        self._thread.start()

    def close(self, *, thorough: bool) -> bool:
        """End; return whether it has, which a hanging file system can prevent.

        Args:
            thorough: Look once more through the files, for 0.3 s at most.
        """
        self._thorough = thorough
        self._closing.set()
        self._thread.join(_LEAVE_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = _FIRST_S
        while not self._closing.wait(pause_s):
            began = time.monotonic()
            breach = self._also() or self._processes()
            pause_s = (time.monotonic() - began) / _LOOKING_SHARE
            breach = breach or self._files(_HURRIED_WALK_S if self._hurried else _WALK_S)
            if breach is not None:
                self._on_breach(breach)
                return
            pause_s = max(pause_s, self._time_left_s())
        if self._thorough:
            self._steps = self._new_walk()
            if (breach := self._files(_LAST_WALK_S)) is not None:
                self._on_breach(breach)

    def _time_left_s(self) -> float:
        """Return when the next look is due: before a limit can be far behind."""
        bounds, usage, written = self._bounds, self._usage, self._written
        lefts = (
            (bounds.memory_bytes, usage.memory_bytes, _MEMORY_BYTES_PER_S),
            (bounds.processes, usage.tasks, _TASKS_PER_S),
            (bounds.disk_bytes, written.size_bytes, _DISK_BYTES_PER_S),
            (bounds.files, written.files, _FILES_PER_S),
        )
        soonest_s = min(
            ((limit - used) / per_s for limit, used, per_s in lefts if limit is not None),
            default=_LONGEST_S,
        )
        return _SHORTEST_S if self._hurried else min(max(soonest_s, _SHORTEST_S), _LONGEST_S)

    def _processes(self) -> Breach | None:
        bounds = self._bounds
        if bounds.memory_bytes is None and bounds.processes is None:
            return None
        pids = self._members()
        usage = self._usage = usage_of(pids)
        self.peak_bytes = max(self.peak_bytes, usage.memory_bytes)
        if bounds.processes is not None and usage.tasks > bounds.processes:
            problem = f"{usage.tasks} processes and threads; {bounds.processes} are allowed"
            return Breach(PROCESSES, problem)
        if bounds.memory_bytes is not None and usage.memory_bytes > bounds.memory_bytes:
            fair = fair_memory_bytes(pids)  # what they share may have been counted several times
            if fair > bounds.memory_bytes:
                return Breach(MEMORY, _sizes("of memory", fair, bounds.memory_bytes))
        return None

    # --- files ------------------------------------------------------------------------------------

    def _files(self, within_s: float) -> Breach | None:
        """Walk on for a while; return what was found to be too much."""
        bounds = self._bounds
        if bounds.disk_bytes is None and bounds.files is None and bounds.file_size_bytes is None:
            return None
        self._look_at_disk()
        gives_up_at = time.monotonic() + within_s
        while time.monotonic() < gives_up_at:
            found = next(self._steps, None)
            if found is None:
                self._steps = self._new_walk()
                return None
            self._written = found
            if (breach := self._too_much(found)) is not None:
                return breach
        return None

    def _new_walk(self) -> Iterator[Written]:
        place = self._place
        return walk(place.folders, place.since, spared=place.spared)

    def _too_much(self, found: Written) -> Breach | None:
        bounds = self._bounds
        nearest = max(
            _share(found.size_bytes, bounds.disk_bytes), _share(found.files, bounds.files)
        )
        self._hurried = self._hurried or nearest > _HURRIED_SHARE
        if bounds.file_size_bytes is not None and found.largest_bytes > bounds.file_size_bytes:
            of = f"in {os.path.basename(found.largest)!r}"
            return Breach(FILE_SIZE, _sizes(of, found.largest_bytes, bounds.file_size_bytes))
        if bounds.disk_bytes is not None and found.size_bytes > bounds.disk_bytes:
            return Breach(DISK, _sizes("written", found.size_bytes, bounds.disk_bytes))
        if bounds.files is not None and found.files > bounds.files:
            return Breach(FILES, f"{found.files} files made; {bounds.files} are allowed")
        return None

    def _look_at_disk(self) -> None:
        """Hurry as soon as so much of the file system is gone that it may be this attempt."""
        with contextlib.suppress(OSError):
            disk = os.statvfs(self._place.folders[0])
            left = (disk.f_bavail * disk.f_frsize, disk.f_ffree)
            if self._left is None:
                self._left = left
            space, names = (then - now for then, now in zip(self._left, left, strict=True))
            gone = max(_share(space, self._bounds.disk_bytes), _share(names, self._bounds.files))
            self._hurried = gone > _HURRIED_SHARE


def _share(used: int, limit: int | None) -> float:
    return used / limit if limit else 0.0


def _sizes(what: str, used_bytes: int, limit_bytes: int) -> str:
    return f"{used_bytes / _MIB:,.1f} MiB {what}; {limit_bytes / _MIB:,.1f} MiB are allowed"
