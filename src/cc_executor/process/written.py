"""What an attempt writes: the files below its folders that were made or changed since it began.

A walk in small steps, which starts anew when it has been everywhere. What was written and removed
between two looks, and what is deleted and still open, is not seen.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

#: Entries between two moments at which whoever walks may pause.
_STEP: Final = 128
_BLOCK_BYTES: Final = 512  # Source: stat(2), st_blocks
#: A file's time is that of the last tick of the kernel's clock, which may have been before us.
_TICK_S: Final = 0.02


class Written(NamedTuple):
    """What one walk has found so far.

    Attributes:
        size_bytes: Disk space of the files.
        files: Their number; folders and all else that has a name count.
        largest_bytes: Size of the largest file.
        largest: Its path.
    """

    size_bytes: int = 0
    files: int = 0
    largest_bytes: int = 0
    largest: str = ""


def walk(roots: Collection[str], since: float, *, spared: str = "") -> Iterator[Written]:
    """Yield what is there, ever more of it, until everything was seen. Blocking (files).

    Links are not followed and other file systems are not entered.

    Args:
        roots: Folders; one that is not there holds nothing.
        since: Instant, seconds since the epoch, from which a change counts.
        spared: A folder inside whose content does not count.
    """
    found, seen = Written(), 0
    for root in roots:
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            for path, facts in _entries(folder):
                seen += 1
                if stat.S_ISDIR(facts.st_mode) and path != spared and _same_device(root, facts):
                    waiting.append(path)
                if facts.st_ctime >= since - _TICK_S:
                    found = _with(found, path, facts)
                if seen % _STEP == 0:
                    yield found
    yield found


def _with(found: Written, path: str, facts: os.stat_result) -> Written:
    if not stat.S_ISREG(facts.st_mode):
        return found._replace(files=found.files + 1)
    if facts.st_size > found.largest_bytes:
        found = found._replace(largest_bytes=facts.st_size, largest=path)
    size_bytes = found.size_bytes + facts.st_blocks * _BLOCK_BYTES
    return found._replace(files=found.files + 1, size_bytes=size_bytes)


def _entries(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    facts = entry.stat(follow_symlinks=False)
                except OSError:  # removed in this moment
                    continue
                yield entry.path, facts
    except OSError:  # removed, or not ours to read
        return


def _same_device(root: str, facts: os.stat_result) -> bool:
    try:
        return os.lstat(root).st_dev == facts.st_dev
    except OSError:
        return False
