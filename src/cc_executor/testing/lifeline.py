"""Tells whether any process that a scripted agent made is still alive.

A `lifeline` step takes a shared lock on a file through a descriptor that all descendants
inherit. No reparenting, new session, new process id or empty environment gets rid of it; it
is released by the kernel when the last of them is gone.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

_POLL_S: Final = 0.005


class StillHeld(AssertionError):
    """Processes that should be gone are alive.

    Attributes:
        path: The lifeline.
        holders: Their process ids, as far as /proc shows them.
    """

    def __init__(self, path: Path, holders: tuple[int, ...]) -> None:
        super().__init__(path, holders)
        self.path = path
        self.holders = holders

    def __str__(self) -> str:
        return f"{self.path} is still held by {list(self.holders)}"


def is_held(path: Path) -> bool:
    """Return whether a process holds the lifeline at `path`.

    Raises:
        FileNotFoundError: No script has made that lifeline.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def holders(path: Path) -> tuple[int, ...]:
    """Return the processes that have the lifeline open; empty where there is no /proc."""
    wanted = path.stat()
    found = []
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(os.path.samestat(fd.stat(), wanted) for fd in folder.iterdir()):
                found.append(int(folder.parent.name))
        except OSError:
            continue  # it has ended, or is somebody else's
    return tuple(sorted(found))


def wait_until_free(path: Path, *, within_s: float = 10.0) -> None:
    """Return as soon as nothing holds the lifeline.

    Raises:
        StillHeld: Something did for `within_s` seconds.
        FileNotFoundError: No script has made that lifeline.
    """
    gives_up_at = time.monotonic() + within_s
    while is_held(path):
        if time.monotonic() > gives_up_at:
            raise StillHeld(path, holders(path))
        time.sleep(_POLL_S)
