"""Looks at the machine: what `/proc`, the control groups and the file system say, no program asked.

Where there is no `/proc` (macOS), memory and CPU are unknown; load and disk are known everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from cc_executor.ports.resources import Pressure, ResourceSample
from cc_executor.process import cgroup

_KIB: Final = 1024
_PRESSURES: Final = ("cpu", "memory", "io")

#: Fields of the first line of /proc/stat: the last two are contained in the first two.
_CPU_FIELDS: Final = 8
_IDLE_FIELDS: Final = (3, 4)  # idle, waiting for a disk


class GroupFiles(NamedTuple):
    """What a control group's files on memory are called."""

    limit: str
    usage: str
    reclaimable: str  # a line of memory.stat


_VERSION_2: Final = GroupFiles("memory.max", "memory.current", "inactive_file")
_VERSION_1: Final = GroupFiles(
    "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
)


class Machine:
    """Remembers the last look: how busy the processors were is a difference.

    Args:
        path: Something on the file system whose free space counts.
        proc: Where the kernel tells.
        group: Returns the directory of this process's own control group in a hierarchy.
    """

    def __init__(
        self,
        path: str,
        *,
        proc: str = "/proc",
        group: Callable[[str], str | None] = cgroup.own_group,
    ) -> None:
        self._path = path
        self._proc = proc
        self._group = group
        self._cpu: tuple[int, int] | None = None

    def look(self, now_s: float) -> ResourceSample:
        """Return what there is. Blocking (files). What cannot be found out is None."""
        memory = self._memory()
        total_bytes, available_bytes = self._usable(memory)
        disk_total_bytes, disk_free_bytes = _disk(self._path)
        return ResourceSample(
            at=now_s,
            cores=cores(),
            load=_load(),
            cpu_percent=self._cpu_percent(),
            memory_total_bytes=total_bytes,
            memory_available_bytes=available_bytes,
            swap_used_bytes=_difference(memory.get("SwapTotal"), memory.get("SwapFree")),
            disk_total_bytes=disk_total_bytes,
            disk_free_bytes=disk_free_bytes,
            pressure=dict(self._pressures()),
        )

    # --- memory --------------------------------------------------------------------------------

    def _memory(self) -> Mapping[str, int]:
        """Return /proc/meminfo in bytes."""
        found = {}
        for line in _text(f"{self._proc}/meminfo").splitlines():
            name, _, value = line.partition(":")
            number = value.removesuffix("kB").strip()
            if number.isdecimal():
                found[name] = int(number) * _KIB
        return found

    def _usable(self, memory: Mapping[str, int]) -> tuple[int | None, int | None]:
        """Return total and available memory: of the machine, or less where a group has a limit.

        In a container the machine's memory says nothing about what can be had.
        """
        totals, available = [memory.get("MemTotal")], [memory.get("MemAvailable")]
        for limit_bytes, left_bytes in self._group_limits():
            totals.append(limit_bytes)
            available.append(left_bytes)
        return _least(totals), _least(available)

    def _group_limits(self) -> Iterator[tuple[int, int | None]]:
        """Yield limit and what is left of it, of this process's group and of those around it."""
        for kind, files in ((cgroup.CGROUP, _VERSION_2), ("memory", _VERSION_1)):
            place = self._group(kind)
            # Up to the root; on the way there may be groups in which memory is not counted.
            while place is not None and os.path.exists(f"{place}/cgroup.procs"):
                limit = _text(f"{place}/{files.limit}").strip()
                if limit.isdecimal():
                    yield int(limit), _left(place, files, int(limit))
                place = os.path.dirname(place)

    # --- processors, pressure ------------------------------------------------------------------

    def _cpu_percent(self) -> float | None:
        """Return how busy all processors were since the last look; None at the first."""
        before, self._cpu = self._cpu, self._cpu_times()
        if before is None or self._cpu is None:
            return None
        total, idle = (now - then for now, then in zip(self._cpu, before, strict=True))
        return 100.0 * (1.0 - min(max(idle / total, 0.0), 1.0)) if total > 0 else None

    def _cpu_times(self) -> tuple[int, int] | None:
        fields = _text(f"{self._proc}/stat").partition("\n")[0].split()[1 : 1 + _CPU_FIELDS]
        if len(fields) < _CPU_FIELDS or not all(field.isdecimal() for field in fields):
            return None
        times = [int(field) for field in fields]
        return sum(times), sum(times[place] for place in _IDLE_FIELDS)

    def _pressures(self) -> Iterator[tuple[str, Pressure]]:
        for resource in _PRESSURES:
            shares = dict(_shares(_text(f"{self._proc}/pressure/{resource}")))
            if "some" in shares:
                yield resource, Pressure(some=shares["some"], full=shares.get("full"))


def total_memory_bytes() -> int | None:
    """Return the memory of this machine, or less where a group has a limit; None when unknown."""
    return Machine("/").look(0.0).memory_total_bytes


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_per_core() -> float | None:
    """Return the runnable processes of the last minute for each processor, None when unknown."""
    load = _load()
    return load[0] / cores() if load is not None else None


def _left(group: str, files: GroupFiles, limit_bytes: int) -> int | None:
    usage = _text(f"{group}/{files.usage}").strip()
    if not usage.isdecimal():
        return None
    reclaimable_bytes = 0  # file pages that nobody has used lately are as good as free
    for line in _text(f"{group}/memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == files.reclaimable and value.isdecimal():
            reclaimable_bytes = int(value)
    return max(0, limit_bytes - int(usage) + min(reclaimable_bytes, int(usage)))


def _shares(text: str) -> Iterator[tuple[str, float]]:
    """Yield `some` and `full` of a file of /proc/pressure, each over ten seconds."""
    for line in text.splitlines():
        which, _, rest = line.partition(" avg10=")
        with suppress(ValueError):
            yield which, float(rest.partition(" ")[0])


def _load() -> tuple[float, float, float] | None:
    try:
        return os.getloadavg()
    except OSError:
        return None


def _disk(path: str) -> tuple[int | None, int | None]:
    try:
        found = os.statvfs(path)
    except OSError:
        return None, None
    return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize


def _difference(total: int | None, free: int | None) -> int | None:
    return None if total is None or free is None else total - free


def _least(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return min(known) if known else None


def _text(path: str) -> str:
    """Return a small file; "" when there is none or it cannot be read."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
