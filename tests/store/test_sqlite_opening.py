from __future__ import annotations

import asyncio
import os
import stat
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest

from cc_executor.errors import StateDirectoryRefused, StoreUnavailable
from cc_executor.store.sqlite import SqliteStore, database, views
from cc_executor.store.sqlite.statements import migrations, statements
from cc_executor.store.sqlite.tables import SqliteTables
from cc_executor.testing.contracts.store.samples import new_execution, note, owned

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path)
    try:
        yield store
    finally:
        await store.aclose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def allow(path: Path, mode: int) -> None:
    path.chmod(mode)


def names_in(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()}


def spoil(path: Path, how: str) -> None:
    """Damage all of a database but its first page, so that it can be opened."""
    with path.open("r+b") as file:
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(4096)
        if how == "overwritten":
            file.write(b"\xff" * (size_bytes - 4096))
        else:
            file.truncate()


@pytest.fixture
def diary(path: Path) -> Path:
    path.write_bytes(b"a diary, not a database\n" * 500)
    path.chmod(0o600)
    return path


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A directory of another user."""
    if os.geteuid() != 0:
        return Path("/")
    directory = tmp_path / "theirs"
    directory.mkdir()
    os.chown(directory, 65_534, 65_534)
    return directory


def contents_of(directory: Path) -> Mapping[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in directory.iterdir()}


async def test_what_was_written_is_there_when_the_file_is_opened_again(path: Path) -> None:
    async with opened(path) as store:
        lease = await owned(store)
        await store.record(lease, note())
    async with opened(path) as store:
        assert (await store.execution("run")).generation == lease.generation
        assert [event.seq for event in await store.events("run")] == [1, 2]
        await store.record(lease, note())


async def test_closing_leaves_one_file_and_no_other(path: Path) -> None:
    async with opened(path) as store:
        await owned(store)
    assert names_in(path.parent) == {"store.sqlite"}


async def test_nobody_else_can_read_any_of_its_files(path: Path) -> None:
    before = os.umask(0)
    try:
        async with opened(path) as store:
            await owned(store)
            modes = {name: mode_of(path.parent / name) for name in names_in(path.parent)}
    finally:
        os.umask(before)
    assert modes == {"store.sqlite": 0o600, "store.sqlite-wal": 0o600, "store.sqlite-shm": 0o600}


async def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    async with opened(path):
        allow(path, 0o644)
    async with opened(path):
        assert mode_of(path) == 0o600


async def test_what_is_acknowledged_is_on_the_disk(path: Path) -> None:
    def look(tables: object) -> tuple[object, ...]:
        assert isinstance(tables, SqliteTables)
        connection = tables._connection
        return tuple(
            connection.pragma(name) for name in ("journal_mode", "synchronous", "foreign_keys")
        )

    async with opened(path) as store:
        assert await store._write(look) == ("wal", 2, 1)  # 2: FULL


async def test_many_who_make_the_file_at_the_same_moment_share_it(path: Path) -> None:
    stores = await asyncio.gather(*(SqliteStore.open(path) for _ in range(8)))
    for number, store in enumerate(stores):
        await store.create(*new_execution(f"run{number}"))
    assert len(await stores[0].executions()) == 8
    await asyncio.gather(*(store.aclose() for store in stores))


async def test_giving_up_while_it_opens_leaves_nothing_open(path: Path) -> None:
    opening = asyncio.ensure_future(SqliteStore.open(path))
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    async with opened(path) as store:
        await owned(store)
    assert names_in(path.parent) == {"store.sqlite"}


async def test_whoever_opens_it_while_another_one_makes_it_waits(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path):
        pass
    other = apsw.Connection(str(path))
    other.pragma("journal_mode", "delete")
    other.execute("BEGIN IMMEDIATE")

    def let_go_instead(_seconds: float) -> None:
        if other.in_transaction:
            other.execute("COMMIT")

    monkeypatch.setattr(time, "sleep", let_go_instead)
    async with opened(path) as store:
        assert not other.in_transaction
        await owned(store)
    other.close()


async def test_an_older_database_is_brought_up_to_date_and_keeps_its_records(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as store:
        await owned(store)
    newer = (*migrations(), "ALTER TABLE executions ADD COLUMN mood TEXT")
    monkeypatch.setattr(database, "migrations", lambda _package: newer)
    for _ in range(2):  # the second time there is nothing to do
        async with opened(path) as store:
            assert (await store.execution("run")).generation == 1
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT mood FROM executions").fetchall() == [(None,)]
    assert connection.pragma("user_version") == len(newer)
    connection.close()


async def test_an_update_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as store:
        await owned(store)
    wrong = (*migrations(), "CREATE TABLE half (way) STRICT; SELECT nothing")
    monkeypatch.setattr(database, "migrations", lambda _package: wrong)
    with pytest.raises(StoreUnavailable):
        await SqliteStore.open(path)
    monkeypatch.undo()
    async with opened(path) as store:
        await owned(store, "another")


async def test_more_lists_than_are_kept_in_memory_are_read_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_CACHE_LIMIT_BYTES", 1_000)
    async with opened(path) as store:
        for tasks in (1, 3, 100):  # the last one alone is too large
            await owned(store, f"run{tasks}", tasks=tasks)
        for tasks in (1, 3, 100, 3, 1):
            assert len((await store.execution(f"run{tasks}")).task_list.tasks) == tasks


# --- what is refused -------------------------------------------------------------------------


async def test_a_database_from_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    async with opened(path) as store:
        await owned(store)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", len(migrations()) + 1)
    connection.pragma("journal_mode", "delete")  # who knows what it will be then
    connection.close()
    before = contents_of(path.parent)
    with pytest.raises(StateDirectoryRefused, match="is from a newer version"):
        await SqliteStore.open(path)
    assert contents_of(path.parent) == before


async def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    allow(path, 0o600)
    before = contents_of(path.parent)
    with pytest.raises(StateDirectoryRefused, match="of another program"):
        await SqliteStore.open(path)
    assert contents_of(path.parent) == before


async def test_a_directory_of_another_user_is_refused(theirs: Path) -> None:
    before = names_in(theirs)
    with pytest.raises(StateDirectoryRefused, match="belongs to another user"):
        await SqliteStore.open(theirs / "store.sqlite")
    assert names_in(theirs) == before


async def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    # Our own on Linux, and nobody may make a file in it, root neither; elsewhere it is missing.
    for directory in (Path("/proc/self"), tmp_path / "missing"):
        with pytest.raises(StoreUnavailable):
            await SqliteStore.open(directory / "store.sqlite")


async def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await SqliteStore.open(tmp_path)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(diary: Path) -> None:
    before = contents_of(diary.parent)
    with pytest.raises(StoreUnavailable, match="not a database") as refusal:
        await SqliteStore.open(diary)
    assert "backup" in refusal.value.hint
    assert contents_of(diary.parent) == before


@pytest.mark.parametrize("how", ["overwritten", "cut off"])
async def test_a_damaged_database_is_a_refusal_not_a_wrong_answer(path: Path, how: str) -> None:
    async with opened(path) as store:
        await store.create(*new_execution(tasks=500))
    spoil(path, how)
    with pytest.raises(StoreUnavailable, match="damaged"):
        async with opened(path) as store:
            await store.tasks("run")


async def test_an_sqlite_that_can_lose_data_is_refused_before_anything_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(StoreUnavailable, match=r"can lose data, 99\.0\.0"):
        await SqliteStore.open(path)
    assert contents_of(path.parent) == {}


async def test_a_record_that_only_a_newer_version_understands_is_a_refusal(path: Path) -> None:
    async with opened(path) as store:
        await owned(store)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE task_lists SET body = json_set(body, '$.novelty', 1)")
    connection.close()
    async with opened(path) as store:
        with pytest.raises(StoreUnavailable, match="novelty"):
            await store.execution("run")


# --- the SQL itself --------------------------------------------------------------------------


class OneForAll(dict[str, int]):
    """A value for every parameter, whatever its name."""

    def __missing__(self, name: str) -> int:
        return 1


@pytest.mark.parametrize("name", sorted(statements().keys() - {"version"}))
async def test_every_statement_finds_its_rows_by_an_index(path: Path, name: str) -> None:
    async with opened(path):
        connection = apsw.Connection(str(path))
        sql = f"EXPLAIN QUERY PLAN {statements()[name]}"
        plan = [str(row[3]) for row in connection.execute(sql, OneForAll())]
        connection.close()
    # What is wanted whole may be walked through, in the order of its index; and so may what an
    # inner query has found.
    scans = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
    assert [step for step in scans if not step.startswith("SCAN (subquery")] == []
