"""Opening the file: whose it is, whether it is ours, and bringing its schema up to date."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import apsw

from cc_executor.errors import StateDirectoryRefused, StoreUnavailable
from cc_executor.store.sqlite.statements import STORE, migrations

#: Older ones can lose committed data when two processes checkpoint one file at once (the
#: "WAL reset" bug). Source: https://sqlite.org/wal.html#walresetbug
OLDEST_SQLITE: Final = (3, 51, 3)

#: "CCEX": marks the file as ours. Source: https://sqlite.org/pragma.html#pragma_application_id
APPLICATION_ID: Final = 0x43434558

#: Longest wait for another process that writes.
LOCK_WAIT_S: Final = 10.0

_LOCK_POLL_S: Final = 0.0005

#: What the write-ahead log is cut back to when it is reused after a burst.
_LOG_LIMIT_BYTES: Final = 16 * 1024 * 1024

_PHRASES: Final = (
    (apsw.FullError, "the disk is full"),
    (apsw.CorruptError, "the database is damaged"),
    (apsw.NotADBError, "the file is not a database"),
    (apsw.BusyError, "another process kept it locked for too long"),
    (apsw.LockedError, "another process kept it locked for too long"),
    (apsw.CantOpenError, "the file cannot be opened"),
    (apsw.ReadOnlyError, "the file cannot be written"),
    (apsw.PermissionsError, "the file cannot be accessed"),
    (apsw.IOError, "reading or writing the file failed"),
)


def unavailable(problem: apsw.Error | OSError, path: Path) -> StoreUnavailable:
    """Return the refusal that a driver's error stands for."""
    phrase = next((phrase for kind, phrase in _PHRASES if isinstance(problem, kind)), None)
    refusal = StoreUnavailable(f"{phrase}: {path} ({problem})" if phrase else f"{path}: {problem}")
    if isinstance(problem, apsw.CorruptError | apsw.NotADBError):
        refusal.hint = f"Move {path.name}* away and start anew, or put a backup in its place."
    return refusal


def open_for_writing(
    path: Path, package: str = STORE, *, synchronous: str = "full"
) -> apsw.Connection:
    """Return the connection that writes, the file made and its schema up to date.

    Args:
        path: The file.
        package: Where the SQL is that makes its schema.
        synchronous: `full`: a commit survives a power cut; `normal`: it survives the end of every
            process, and a power cut may cost the last ones.

    Raises:
        StateDirectoryRefused: The file belongs to somebody else or to a newer version.
        StoreUnavailable: It cannot be used.
    """
    with _translating(path):
        _check_library()
        _check_directory(path.parent)
        _make_private(path)
        connection = _connect(path)
        try:
            _check_ours(connection, path, package)
            _switch_to_log(connection)
            connection.pragma("synchronous", synchronous)
            connection.pragma("foreign_keys", 1)
            connection.pragma("journal_size_limit", _LOG_LIMIT_BYTES)
            _migrate(connection, path, package)
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(path: Path) -> apsw.Connection:
    """Return a connection that only reads a file which `open_for_writing` has opened.

    Raises:
        StoreUnavailable: It cannot be used.
    """
    with _translating(path):
        connection = _connect(path)
        connection.pragma("query_only", 1)
    return connection


@contextmanager
def _translating(path: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.Error, OSError) as problem:
        raise unavailable(problem, path) from problem


def _check_library() -> None:
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        refusal = StoreUnavailable(f"SQLite {version} can lose data, {oldest} is the oldest usable")
        refusal.hint = "Install apsw from its wheel, which brings its own SQLite."
        raise refusal


def _check_directory(directory: Path) -> None:
    if directory.stat().st_uid != os.geteuid():
        raise StateDirectoryRefused(str(directory), "belongs to another user")


def _make_private(path: Path) -> None:
    """Let the file exist, readable by its owner only; SQLite gives its other files the same mode.

    An existing database is never opened here: closing it would drop the locks that SQLite holds
    on it for this process. So a new one is closed before it gets its name.
    Source: https://sqlite.org/howtocorrupt.html section 2.2
    """
    if not path.exists():
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        os.close(descriptor)
        unnamed = Path(name)
        try:
            with suppress(FileExistsError):  # another process was faster: its file is as good
                path.hardlink_to(unnamed)
        finally:
            unnamed.unlink()
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_handler(_Patience())
    return connection


class _Patience:
    """Waits for whoever has the lock, and gives up after `LOCK_WAIT_S`.

    SQLite's own waiting backs off to 100 ms at a time, while the lock, held for the time of one
    flush, is free every other moment: four busy processes then keep one waiting for a second.
    """

    def __init__(self) -> None:
        self._until = 0.0

    def __call__(self, earlier_calls: int) -> bool:
        now = time.monotonic()
        if earlier_calls == 0:
            self._until = now + LOCK_WAIT_S
        time.sleep(_LOCK_POLL_S)
        return now < self._until


def _check_ours(connection: apsw.Connection, path: Path, package: str) -> None:
    with connection:  # one state of the file, though another process may be making it
        application_id = connection.pragma("application_id")
        is_empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall() == [(0,)]
        version = connection.pragma("user_version")
    if application_id != APPLICATION_ID and not is_empty:
        raise StateDirectoryRefused(str(path.parent), f"has a {path.name} of another program")
    if version > len(migrations(package)):
        raise StateDirectoryRefused(str(path.parent), "is from a newer version")


def _switch_to_log(connection: apsw.Connection) -> None:
    """Turn the write-ahead log on, which stays on.

    Here SQLite does not wait for others who do the same at the same moment: a deadlock, to it.
    """
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            connection.pragma("journal_mode", "wal")
            return
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _migrate(connection: apsw.Connection, path: Path, package: str) -> None:
    scripts = migrations(package)
    if connection.pragma("user_version") == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been faster, with this version or a newer one.
        done = connection.pragma("user_version")
        if done > len(scripts):
            raise StateDirectoryRefused(str(path.parent), "is from a newer version")
        for script in scripts[done:]:
            connection.execute(script)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", len(scripts))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
