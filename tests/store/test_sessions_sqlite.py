from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import apsw
import pytest

from cc_executor.errors import SessionsUnavailable, StateDirectoryRefused
from cc_executor.store.sessions import sqlite
from cc_executor.store.sessions.sqlite import SqliteSessions
from cc_executor.store.sqlite import database
from cc_executor.store.sqlite.statements import statements
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.sessions import JoinSessions, SessionsContract, Written
from cc_executor.testing.contracts.sessions.fixtures import SUBSCRIPTIONS, TERMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cc_executor.model.sessions import Terms
    from cc_executor.ports.clock import Clock
    from cc_executor.ports.sessions import Sessions


class TestSqliteSessions(SessionsContract):
    @pytest.fixture
    def join_sessions(self, tmp_path: Path) -> JoinSessions:
        async def join(terms: Terms, clock: Clock) -> Sessions:
            return await SqliteSessions.open_file(tmp_path / "sessions.sqlite", terms, clock)

        return join

    @pytest.fixture
    def written(self, tmp_path: Path) -> Written:
        async def read() -> bytes:
            return b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()))

        return read


# --- its file --------------------------------------------------------------------------------


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteSessions]:
    sessions = await SqliteSessions.open_file(path, TERMS, ManualClock())
    try:
        yield sessions
    finally:
        await sessions.aclose()


async def test_sessions_survive_that_everybody_closes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"
    async with opened(path) as sessions:
        session, token = await sessions.open("ada")
        await sessions.save(session.id, 1, SUBSCRIPTIONS)
    async with opened(path) as sessions:
        assert (await sessions.resume(token, "ada")).subscriptions == SUBSCRIPTIONS
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


async def test_the_loop_goes_on_while_another_process_has_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"
    async with opened(path) as sessions:
        await sessions.open("ada")
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        counting = asyncio.create_task(sessions.count())
        for _ in range(100):
            await asyncio.sleep(0)
        assert not counting.done()
        other.execute("ROLLBACK")
        assert await counting == 1
        other.close()


async def test_a_lock_that_is_never_given_back_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.2)
    path = tmp_path / "sessions.sqlite"
    async with opened(path) as sessions:
        session, _ = await sessions.open("ada")
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SessionsUnavailable, match="locked for too long"):
            await sessions.save(session.id, 1, {})
        other.close()
        await sessions.save(session.id, 1, {})


async def test_a_caller_is_answered_though_the_thread_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_CALL_LIMIT_S", 0.1)
    async with opened(tmp_path / "sessions.sqlite") as sessions:
        let_go = threading.Event()
        stuck = asyncio.ensure_future(sessions._do(lambda _shelf: let_go.wait(20)))
        await asyncio.sleep(0)  # now the thread has it
        with pytest.raises(SessionsUnavailable, match=r"no answer within 0\.1 s"):
            await sessions.count()
        let_go.set()
        with pytest.raises(SessionsUnavailable):
            await stuck


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (b"not a database, but long enough to look like one" * 100, SessionsUnavailable),
        (None, StateDirectoryRefused),
    ],
)
async def test_a_file_that_is_not_ours_is_refused(
    tmp_path: Path, spoil: bytes | None, refusal: type[Exception]
) -> None:
    path = tmp_path / "sessions.sqlite"
    if spoil is None:
        connection = apsw.Connection(str(path))
        connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    else:
        path.write_bytes(spoil)
    before = path.read_bytes()
    with pytest.raises(refusal):
        await SqliteSessions.open_file(path, TERMS, ManualClock())
    assert path.read_bytes() == before


async def test_a_record_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"
    async with opened(path) as sessions:
        _, token = await sessions.open("ada")
        connection = apsw.Connection(str(path))
        connection.execute("UPDATE sessions SET subscriptions = '[1]'")
        connection.close()
        with pytest.raises(SessionsUnavailable, match="cannot be read"):
            await sessions.resume(token, "ada")


@pytest.mark.parametrize("name", sorted(statements(sqlite.SQL)))
def test_every_statement_finds_its_rows_by_an_index(tmp_path: Path, name: str) -> None:
    connection = database.open_for_writing(tmp_path / "sessions.sqlite", sqlite.SQL)
    sql = f"EXPLAIN QUERY PLAN {statements(sqlite.SQL)[name]}"
    plan = [str(row[3]) for row in connection.execute(sql, defaultdict(lambda: 1))]
    connection.close()
    assert [step for step in plan if step.startswith("SCAN") and "INDEX" not in step] == []
