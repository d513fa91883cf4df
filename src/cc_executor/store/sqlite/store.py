"""The embedded store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from cc_executor.store.base import LedgerStore
from cc_executor.store.sqlite.clerks import Reader, Writer
from cc_executor.store.sqlite.tables import SqliteTables
from cc_executor.store.sqlite.views import SqliteViews
from cc_executor.store.sqlite.worker import Worker
from cc_executor.store.tables import Tables, Views

_Answer = TypeVar("_Answer")

#: Most writes in one transaction: what a caller may have to wait for besides its own.
_MAX_GROUP: Final = 256

#: Most calls that are accepted and not answered. Whoever comes then waits for a place.
_MAX_WAITING: Final = 1_024


class SqliteStore(LedgerStore):
    """Implements `ports.store.Store` in one SQLite file; `open` makes one.

    Any number of processes may use the file at once. One thread writes, in groups, another one
    reads; the event loop that opened the store waits for neither of them.
    """

    def __init__(self, writer: Worker[SqliteTables], reader: Worker[SqliteViews]) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """Open the database, made or brought up to date where needed. Its directory exists.

        Raises:
            StateDirectoryRefused: It belongs to another user, another program, or a newer version.
            StoreUnavailable: It cannot be opened: damaged, not writable, SQLite too old.
        """
        writer: Worker[SqliteTables] = Worker(
            "store-writer", max_group=_MAX_GROUP, max_waiting=_MAX_WAITING
        )
        await writer.start(partial(Writer, path))
        reader: Worker[SqliteViews] = Worker("store-reader", max_group=1, max_waiting=_MAX_WAITING)
        try:
            await reader.start(partial(Reader, path))
        except BaseException:
            await writer.aclose()
            raise
        return cls(writer, reader)

    async def version(self) -> int:
        """Return a number that changes with every write of any process."""
        return await self._reader.ask(SqliteViews.version)

    async def aclose(self) -> None:
        """Finish what was accepted and release everything."""
        await self._reader.aclose()
        await self._writer.aclose()

    async def _write(self, work: Callable[[Tables], _Answer]) -> _Answer:
        return await self._writer.ask(work)

    async def _read(self, work: Callable[[Views], _Answer]) -> _Answer:
        return await self._reader.ask(work)
