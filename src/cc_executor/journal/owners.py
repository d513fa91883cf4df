"""Who runs an execution: a lock that a living engine holds, and that dies with it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from typing import Final

from cc_executor.journal import layout
from cc_executor.journal.home import StateDirectory

OWNER: Final = "owner"

#: Somebody who only asks whether there is an owner holds the lock for microseconds, shared.
_ASKING_TAKES_S: Final = 0.05
_TRY_AGAIN_S: Final = 0.002
_BUSY: Final = (errno.EAGAIN, errno.EACCES)

_held: set[int] = set()


class FolderOwners:
    """Implements `ports.journal.Owners` with one lock file in each execution's folder.

    Args:
        home: The state directory.
        engine_id: Written into the lock, for people.
    """

    def __init__(self, home: StateDirectory, engine_id: str) -> None:
        self._home = home
        self._engine_id = engine_id

    def acquire(self, execution_id: str) -> HeldLock | None:
        """Own the execution, or return None because a living engine does."""
        folder = self._home.execution(execution_id)
        folder.mkdir(mode=layout.FOLDER_MODE, exist_ok=True)
        fd = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        gives_up_at = time.monotonic() + _ASKING_TAKES_S
        while not _locked(fd, fcntl.LOCK_EX):
            if time.monotonic() > gives_up_at:
                os.close(fd)
                return None
            time.sleep(_TRY_AGAIN_S)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{self._engine_id} {os.getpid()}\n".encode(), 0)
        return HeldLock(fd)

    def is_owned(self, execution_id: str) -> bool:
        """Tell whether a living engine owns the execution."""
        try:
            fd = os.open(self._home.execution(execution_id) / OWNER, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _locked(fd, fcntl.LOCK_SH)
        finally:
            os.close(fd)


class HeldLock:
    """Implements `ports.journal.Ownership`.

    A process that the engine's program forks (multiprocessing) lets go of it at once: else the
    execution would seem owned until that process ends, too.
    """

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        _held.add(fd)

    def release(self) -> None:
        """Let another engine have the execution. Doing it again changes nothing."""
        fd, self._fd = self._fd, None
        if fd in _held:
            _held.discard(fd)
            fcntl.flock(fd, fcntl.LOCK_UN)  # closing is not enough while a fork has it open
            os.close(fd)


def _locked(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _let_go_in_a_forked_child() -> None:
    for fd in _held:
        with contextlib.suppress(OSError):
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_a_forked_child)
