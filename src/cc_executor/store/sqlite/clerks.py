"""Who writes and who reads: each with a connection of its own, in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

import apsw

from cc_executor.errors import StoreUnavailable
from cc_executor.store.sqlite.database import open_for_reading, open_for_writing, unavailable
from cc_executor.store.sqlite.tables import SqliteTables
from cc_executor.store.sqlite.views import SqliteViews
from cc_executor.store.sqlite.worker import Job

_log = logging.getLogger(__name__)

#: Pages in the write-ahead log from which it is written back when nobody waits, and whether
#: somebody waits or not. 4 KiB each.
_CHECKPOINT_PAGES: Final = 1_000
_URGENT_PAGES: Final = 4_000


_Rows = TypeVar("_Rows")


class GroupWriter(Generic[_Rows]):
    """Writes in groups: one transaction, and one wait for the disk, for all that is waiting.

    Each job has a savepoint, so that a refused one takes nothing with it.

    Args:
        path: The database.
        connection: To it, from `open_for_writing`.
        rows: What jobs are given.
    """

    def __init__(self, path: Path, connection: apsw.Connection, rows: _Rows) -> None:
        self._path = path
        self._connection = connection
        self._rows = rows
        self._log_pages = 0
        self._connection.set_wal_hook(self._note_log)

    def handle(self, jobs: Sequence[Job[_Rows]]) -> None:
        """Settle every job; what was accepted is on the disk then."""
        problem = self._commit(jobs)
        if problem is None:
            return
        if len(jobs) == 1 or isinstance(problem, apsw.BusyError):
            self._refuse(jobs, problem)
            return
        # One may be too much for the disk where another is not: each for itself.
        for job in jobs:
            problem = self._commit([job])
            if problem is not None:
                self._refuse([job], problem)

    def rest(self, *, idle: bool) -> None:
        """Write the log back into the database, now and then."""
        if self._log_pages < (_CHECKPOINT_PAGES if idle else _URGENT_PAGES):
            return
        self._log_pages = 0  # or what the next commit says
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # another process is at it
            return
        except apsw.Error as problem:  # nothing is lost: the log keeps it until the next time
            _log.warning(
                "checkpoint failed", extra={"path": str(self._path), "problem": str(problem)}
            )

    def close(self) -> None:
        """Close the connection; the last one of all processes writes the log back."""
        self._connection.set_busy_handler(None)  # if somebody is at it, it is not the last one
        self._connection.close()

    def _commit(self, jobs: Sequence[Job[_Rows]]) -> apsw.Error | None:
        """Do the jobs in one transaction; return the problem if it could not be kept."""
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            for job in jobs:
                self._do(job)
            execute("COMMIT")
        except apsw.Error as problem:
            if self._connection.in_transaction:
                with suppress(apsw.Error):  # it is gone in any case
                    execute("ROLLBACK")
            return problem
        return None

    def _do(self, job: Job[_Rows]) -> None:
        execute = self._connection.execute
        execute("SAVEPOINT job")
        try:
            job.settle(job.work(self._rows))
        except apsw.Error:
            raise
        except Exception as refusal:  # noqa: BLE001 - whatever it is, it belongs to the caller
            job.refuse(refusal)
            execute("ROLLBACK TO job")
        execute("RELEASE job")

    def _refuse(self, jobs: Sequence[Job[_Rows]], problem: apsw.Error) -> None:
        for job in jobs:
            job.refuse(_caused(problem, self._path))

    def _note_log(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK


class Writer(GroupWriter[SqliteTables]):
    """Writes the store's tables.

    Args:
        path: The database, made or brought up to date where needed.
    """

    def __init__(self, path: Path) -> None:
        connection = open_for_writing(path)
        super().__init__(path, connection, SqliteTables(connection))


class Reader:
    """Reads, each time in one consistent state of the database.

    Args:
        path: The database, opened by a writer before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_for_reading(path)
        self._views = SqliteViews(self._connection)

    def handle(self, jobs: Sequence[Job[SqliteViews]]) -> None:
        """Settle every job."""
        for job in jobs:
            try:
                job.settle(self._look(job.work))
            except apsw.Error as problem:
                job.refuse(_caused(problem, self._path))
            except Exception as refusal:  # noqa: BLE001 - whatever it is, it belongs to the caller
                job.refuse(refusal)

    def rest(self, *, idle: bool) -> None:
        """Do nothing: reading leaves nothing to be done."""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _look(self, work: Callable[[SqliteViews], object]) -> object:
        self._connection.execute("BEGIN")
        try:
            return work(self._views)
        finally:
            if self._connection.in_transaction:  # some errors end it by themselves
                self._connection.execute("COMMIT")


def _caused(problem: apsw.Error, path: Path) -> StoreUnavailable:
    """Return what `raise unavailable(...) from problem` would raise; each caller gets its own."""
    refusal = unavailable(problem, path)
    refusal.__cause__ = problem
    return refusal
