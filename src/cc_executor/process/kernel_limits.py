"""Limits that the kernel itself keeps: on control groups, and on what one process may write.

What a group's directory does not offer, it cannot limit: then the meter looks instead.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterable, Iterator
from typing import Final

from cc_executor.process.cgroup import KINDS, PREFIX, Group, Place, own_group
from cc_executor.process.marks import new_brand

PIDS: Final = "pids"
_NO_LIMIT: Final = "max"


class TaskCounter(Group):
    """A control group of version 1 in the hierarchy that counts tasks. It contains nothing else."""

    kind = PIDS

    def create(self) -> None:
        """Make it.

        Raises:
            OSError: This place is not writable.
        """
        os.mkdir(self.path)

    def admit(self, pids: Iterable[int]) -> None:
        """Move these processes into it, as far as they are there and may be moved."""
        for pid in pids:
            write(self.path, "cgroup.procs", str(pid))


def counter_place() -> Place | None:
    """Return where task counters of version 1 may be made, None where there is no such place."""
    parent = own_group(PIDS)
    return None if parent is None else Place(PIDS, parent)


def new_counter(place: Place) -> TaskCounter | None:
    """Make a counter for an attempt of this process; None where that is not allowed."""
    name = f"{PREFIX}{os.getpid()}-{new_brand():x}"
    counter = TaskCounter(os.path.join(place.parent, name))
    try:
        counter.create()
    except OSError:
        return None
    return counter


def can_count(place: Place) -> bool:
    """Tell whether tasks can be counted here: it is tried out."""
    counter = new_counter(place)
    return counter is not None and counter.remove()


def offered(place: Place) -> frozenset[str]:
    """Return the files by which a group that is made here can be limited. It is tried out."""
    group = KINDS[place.kind](os.path.join(place.parent, f"{PREFIX}{os.getpid()}-probe"))
    try:
        group.create()
        return frozenset(os.listdir(group.path)) & {"memory.max", "pids.max"}
    except OSError:
        return frozenset()
    finally:
        group.remove()


def bound(group: Group | None, file: str, limit: int | None) -> bool:
    """Set a limit of a group, or lift it; return whether one is in force now."""
    if group is None or not os.path.exists(os.path.join(group.path, file)):
        return False
    return write(group.path, file, _NO_LIMIT if limit is None else str(limit)) and (
        limit is not None
    )


def count(group: Group | None, file: str, name: str) -> int:
    """Return how often something has happened in a group, 0 where nobody counts it."""
    if group is None:
        return 0
    with contextlib.suppress(OSError), open(os.path.join(group.path, file)) as lines:
        for line in lines:
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0


def write(folder: str, file: str, text: str) -> bool:
    """Write to a file of a control group; return whether the kernel took it."""
    try:
        fd = os.open(os.path.join(folder, file), os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, text.encode())
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


@contextlib.contextmanager
def file_size_bounded(limit_bytes: int | None) -> Iterator[None]:
    """Have what is started inside write no file larger than this, and one byte.

    The one byte is what the limit's breach is known by. The child inherits it from this process,
    which must write nothing itself meanwhile.
    """
    if limit_bytes is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    mine = limit_bytes + 1
    if hard != resource.RLIM_INFINITY:
        mine = min(mine, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (mine, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
