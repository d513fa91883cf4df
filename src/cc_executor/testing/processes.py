"""Looks for processes that an attempt has left behind, the way an honest outsider would."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from cc_executor.journal import layout
from cc_executor.process.claim import BARRED, Claim, read
from cc_executor.process.tree import marked

_PAUSE_S: Final = 0.005


class Survivors(AssertionError):
    """Processes of an attempt that is over are alive.

    Attributes:
        folder: The attempt's folder.
        pids: Their process ids.
    """

    def __init__(self, folder: Path, pids: tuple[int, ...]) -> None:
        super().__init__(folder, pids)
        self.folder = folder
        self.pids = pids

    def __str__(self) -> str:
        return f"alive after the end of the attempt in {self.folder}: {list(self.pids)}"


def claim_of(folder: Path) -> Claim:
    """Return what the attempt's lock says: its supervisor, its marks, its control groups."""
    try:
        lock = os.open(folder / layout.LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return BARRED
    try:
        return read(lock)
    finally:
        os.close(lock)


def survivors(folder: Path) -> tuple[int, ...]:
    """Return the ids of all living processes that bear a mark of the attempt in this folder."""
    return tuple(sorted(process.pid for process in marked(claim_of(folder).brand)))


def wait_until_gone(folder: Path, *, within_s: float = 10.0) -> None:
    """Return as soon as nothing of the attempt is alive.

    Raises:
        Survivors: Something was for `within_s` seconds.
    """
    gives_up_at = time.monotonic() + within_s
    while found := survivors(folder):
        if time.monotonic() > gives_up_at:
            raise Survivors(folder, found)
        time.sleep(_PAUSE_S)
