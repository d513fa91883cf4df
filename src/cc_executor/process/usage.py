"""What a tree of processes takes, read from /proc. Standard library only: supervisors import it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

_KIB: Final = 1024
_READ_BYTES: Final = 1 << 13
#: Memory that is nobody else's and cannot be read again from a file, in RAM or in swap. Pages of
#: programs and files are left out: the kernel can drop them, and agents share them.
_OWN: Final = (b"RssAnon", b"RssShmem", b"VmSwap")
#: The same, with what several processes share divided among them.
_FAIR: Final = (b"Pss_Anon", b"Pss_Shmem", b"SwapPss")


class Usage(NamedTuple):
    """What some processes take together.

    Attributes:
        memory_bytes: May count pages several times that several of them share.
        tasks: Processes, each of their threads counted, as the kernel counts them.
    """

    memory_bytes: int
    tasks: int


def usage_of(pids: Iterable[int]) -> Usage:
    """Return what these processes take; those that are gone take nothing."""
    memory_bytes = tasks = 0
    for pid in pids:
        fields = dict(_fields(f"/proc/{pid}/status"))
        memory_bytes += _sum_kib(fields, _OWN)
        tasks += int(fields.get(b"Threads", b"0"))
    return Usage(memory_bytes, tasks)


def fair_memory_bytes(pids: Collection[int]) -> int:
    """Return the memory of these processes with every page counted once.

    Slow: the kernel walks all their pages. Where it does not let us, a process counts in full.
    """
    total = 0
    for pid in pids:
        fields = dict(_fields(f"/proc/{pid}/smaps_rollup"))
        total += _sum_kib(fields, _FAIR) if fields else usage_of((pid,)).memory_bytes
    return total


def _sum_kib(fields: dict[bytes, bytes], names: Iterable[bytes]) -> int:
    return _KIB * sum(int(fields.get(name, b"0").removesuffix(b"kB")) for name in names)


def _fields(path: str) -> Iterator[tuple[bytes, bytes]]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        text = os.read(fd, _READ_BYTES)
    except OSError:  # it has just ended
        return
    finally:
        os.close(fd)
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        yield name, value.strip()
