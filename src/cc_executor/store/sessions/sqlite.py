"""Sessions in a small SQLite file of their own, for the servers of one machine.

They survive the end of a server, however it ends; a power cut may cost the last cursors, after
which clients read a little twice. In a file of their own, so that what clients acknowledge ten
times a second never waits for, or delays, what must be on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import apsw

from cc_executor.errors import SessionsUnavailable, StoreUnavailable
from cc_executor.model import sessions as law
from cc_executor.model.sessions import Session, Terms
from cc_executor.ports.clock import Clock
from cc_executor.store.sessions.base import Kept, Shelf, ShelfSessions
from cc_executor.store.sqlite.clerks import GroupWriter
from cc_executor.store.sqlite.database import open_for_writing
from cc_executor.store.sqlite.statements import Statements
from cc_executor.store.sqlite.worker import Worker

_Answer = TypeVar("_Answer")

#: The package with the SQL.
SQL: Final = "cc_executor.store.sessions"

#: Longest wait for an answer: for the lock, and for those who came before.
_CALL_LIMIT_S: Final = 15.0

_MAX_GROUP: Final = 256
_MAX_WAITING: Final = 1_024


class SqliteShelf(Statements):
    """Implements `Shelf` inside a transaction of its connection."""

    def get(self, session_id: str) -> Kept | None:
        """Return what is kept under this id."""
        row = self.run("get", id=session_id).fetchone()
        if row is None:
            return None
        found, principal, fingerprint, created_at, last_seen_at, generation, lease_until, body = row
        session = Session(
            id=found,
            principal=principal,
            created_at=created_at,
            last_seen_at=last_seen_at,
            generation=generation,
            lease_until=lease_until,
            subscriptions=_subscriptions(body),
        )
        return Kept(session, fingerprint)

    def put(self, kept: Kept, *, ends_at: float) -> None:
        """Keep a session."""
        session = kept.session
        self.run(
            "put",
            id=session.id,
            principal=session.principal,
            fingerprint=kept.fingerprint,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            generation=session.generation,
            lease_until=session.lease_until,
            ends_at=ends_at,
            subscriptions=law.encoded(session.subscriptions).decode(),
        )

    def drop(self, session_id: str) -> None:
        """Forget a session."""
        self.run("drop", id=session_id)

    def count(self) -> int:
        """Return how many are kept."""
        return self._number("count")

    def count_live(self, now_s: float) -> int:
        """Return how many are live."""
        return self._number("count_live", now=now_s)

    def first_idle(self, now_s: float) -> str | None:
        """Return the idle one that ends first."""
        row = self.run("first_idle", now=now_s).fetchone()
        return row[0] if row else None

    def drop_ended(self, now_s: float) -> int:
        """Forget all that have ended."""
        self.run("drop_ended", now=now_s)
        return self._connection.changes()

    def _number(self, name: str, **values: apsw.SQLiteValue) -> int:
        ((number,),) = self.run(name, **values).fetchall()
        assert isinstance(number, int)
        return number


def _subscriptions(body: str) -> dict[str, law.Subscription]:
    try:
        return law.decoded(body)
    except ValueError as problem:
        raise SessionsUnavailable("a session's record cannot be read") from problem


class _Writer(GroupWriter[SqliteShelf]):
    def __init__(self, path: Path) -> None:
        connection = open_for_writing(path, SQL, synchronous="normal")
        super().__init__(path, connection, SqliteShelf(connection, SQL))


class SqliteSessions(ShelfSessions):
    """Implements `ports.sessions.Sessions` in one SQLite file; `open_file` makes one.

    Any number of processes may use the file at once. The event loop never waits for it: a thread
    does, and a call ends after at most 15 s.
    """

    def __init__(self, terms: Terms, clock: Clock, worker: Worker[SqliteShelf]) -> None:
        super().__init__(terms, clock)
        self._worker = worker

    @classmethod
    async def open_file(cls, path: Path, terms: Terms, clock: Clock) -> SqliteSessions:
        """Open the file, made or brought up to date where needed. Its directory exists.

        Raises:
            StateDirectoryRefused: It belongs to another user, another program, or a newer version.
            SessionsUnavailable: It cannot be opened.
        """
        worker: Worker[SqliteShelf] = Worker(
            "sessions", max_group=_MAX_GROUP, max_waiting=_MAX_WAITING
        )
        try:
            await worker.start(partial(_Writer, path))
        except StoreUnavailable as problem:
            raise _translated(problem) from problem
        return cls(terms, clock, worker)

    async def aclose(self) -> None:
        """Finish what was accepted and release everything."""
        await self._worker.aclose()

    async def _do(self, work: Callable[[Shelf], _Answer]) -> _Answer:
        try:
            async with asyncio.timeout(_CALL_LIMIT_S):
                return await self._worker.ask(work)
        except StoreUnavailable as problem:
            raise _translated(problem) from problem
        except TimeoutError as problem:
            raise SessionsUnavailable(f"no answer within {_CALL_LIMIT_S:g} s") from problem


def _translated(problem: StoreUnavailable) -> SessionsUnavailable:
    refusal = SessionsUnavailable(problem.problem)
    refusal.hint = problem.hint
    return refusal
