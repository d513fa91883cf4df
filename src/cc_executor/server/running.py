"""The record of a running server in its state directory: who it is, and where it listens.

The server holds the record's lock for as long as it lives: a record without a holder is what a
killed server has left, and means nothing.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from cc_executor.errors import ServerUnavailable
from cc_executor.journal import layout
from cc_executor.journal.owners import HeldLock
from cc_executor.process.tree import Process, look, send

RECORD: Final = "server.json"

_BUSY: Final = (errno.EAGAIN, errno.EACCES)
_MAX_RECORD_BYTES: Final = 64 * 1024
#: Somebody who only asks whether there is a holder holds the lock for microseconds, shared.
_ASKING_TAKES_S: Final = 0.05
_TRY_AGAIN_S: Final = 0.002
#: How often it is looked whether a server has gone.
_LOOK_S: Final = 0.02


class RunningServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A server that holds its state directory.

    Attributes:
        pid: Its process id.
        started: Tells the process from a later one with the same id; None where there is no /proc.
        started_at: Seconds since the epoch, UTC.
        version: Of cc-executor.
        urls: Where it listens, the best one first; empty while it is not ready.
        drain_s: How long it may wait for what runs before it lets go.
        flags: Settings that it was started with on the command line; a restart gives them again.
    """

    pid: int
    started: int | None
    started_at: float
    version: str
    urls: tuple[str, ...] = ()
    drain_s: float = 0.0
    flags: dict[str, str] = {}

    @property
    def is_ready(self) -> bool:
        """Whether it answers."""
        return bool(self.urls)


class Record:
    """The record of this process's server, held until `close`.

    Args:
        home: The state directory.
        version: Of cc-executor.
        started_at: Seconds since the epoch, UTC.
        drain_s: How long it may wait for what runs before it lets go.
        flags: Settings that it was started with on the command line.

    Raises:
        ServerUnavailable: A living server holds it.
    """

    def __init__(
        self,
        home: Path,
        *,
        version: str,
        started_at: float,
        drain_s: float = 0.0,
        flags: Mapping[str, str] | None = None,
    ) -> None:
        self._path = home / RECORD
        self._fd = _take(self._path)
        self._lock = HeldLock(self._fd)
        me = look(os.getpid())
        self.server = RunningServer(
            pid=os.getpid(),
            started=me.started if me is not None else None,
            started_at=started_at,
            version=version,
            drain_s=drain_s,
            flags=dict(flags or {}),
        )
        self._write()

    def publish(self, *urls: str) -> RunningServer:
        """Write down where the server listens, and return the record."""
        self.server = msgspec.structs.replace(self.server, urls=urls)
        self._write()
        return self.server

    def close(self) -> None:
        """Remove the record. Doing it again changes nothing."""
        if self._fd >= 0:
            self._fd = -1
            self._path.unlink(missing_ok=True)  # before the lock goes: afterwards it is another's
            self._lock.release()

    def _write(self) -> None:
        content = msgspec.json.encode(self.server) + b"\n"
        os.pwrite(self._fd, content, 0)
        os.ftruncate(self._fd, len(content))


def running(home: Path) -> RunningServer | None:
    """Return the living server of a state directory, None when there is none. Blocking (files)."""
    try:
        fd = os.open(home / RECORD, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    try:
        if _locked(fd, fcntl.LOCK_SH):
            return None
        return _read(fd)
    finally:
        os.close(fd)


def signal_server(server: RunningServer, home: Path, number: int) -> bool:
    """Send a signal to the server, if it is still the one that holds the state directory.

    Nothing is sent to a process that is not it, even when it has got its process id.
    """
    now = running(home)
    if now is None or (now.pid, now.started) != (server.pid, server.started):
        return False
    if server.started is None:  # no /proc: the lock is all that tells
        return send(Process(server.pid, 0, 0, 0), number)
    process = look(server.pid)
    return process is not None and process.started == server.started and send(process, number)


def wait_until_gone(home: Path, server: RunningServer, *, within_s: float) -> bool:
    """Return True when the server does not hold its state directory any more. Blocking.

    Args:
        home: The state directory.
        server: As `running` returned it.
        within_s: Bound.

    Returns:
        False when it still does at the end of the bound.
    """
    gives_up_at = time.monotonic() + within_s
    while True:
        now = running(home)
        if now is None or (now.pid, now.started) != (server.pid, server.started):
            return True
        if time.monotonic() > gives_up_at:
            return False
        time.sleep(_LOOK_S)


def _take(path: Path) -> int:
    gives_up_at = time.monotonic() + _ASKING_TAKES_S
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
        if _locked(fd, fcntl.LOCK_EX):
            if _is_at(path, fd):
                os.ftruncate(fd, 0)  # what a killed server has left means nothing
                return fd
        elif time.monotonic() > gives_up_at:
            holder = _read(fd)
            os.close(fd)
            raise already_running(holder)
        os.close(fd)
        time.sleep(_TRY_AGAIN_S)


def already_running(holder: RunningServer | None) -> ServerUnavailable:
    """Return the refusal of a second server on one state directory."""
    who = f"a server with process id {holder.pid}" if holder is not None else "another server"
    return ServerUnavailable(
        holder.urls[0] if holder is not None and holder.urls else "",
        f"{who} is running on this state directory already",
        hint="Use it, stop it with `cc-executor server stop`, or set CC_EXECUTOR_HOME to another"
        " directory.",
    )


def _is_at(path: Path, fd: int) -> bool:
    """Tell whether the file is still the one of that name: who left may just have removed it."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(fd))
    return False


def _read(fd: int) -> RunningServer | None:
    """Return what the record says, None in the moment before it says anything."""
    try:
        return msgspec.json.decode(os.pread(fd, _MAX_RECORD_BYTES, 0), type=RunningServer)
    except msgspec.DecodeError:
        return None


def _locked(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True
