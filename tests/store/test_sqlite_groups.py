from __future__ import annotations

import asyncio
import resource
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from cc_executor.errors import StaleWrite, StoreUnavailable
from cc_executor.model.lifecycle import Move
from cc_executor.model.records import Lease, Noted, Wish
from cc_executor.store.sqlite import SqliteStore, database
from cc_executor.store.sqlite.clerks import Reader, Writer
from cc_executor.store.sqlite.tables import SqliteTables
from cc_executor.store.sqlite.worker import Worker
from cc_executor.testing.contracts.store.samples import AT, move, note, owned, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from cc_executor.store.sqlite.worker import Job
    from cc_executor.store.tables import Tables

WAIT_S = 10.0


class Gate:
    """A piece of work that stays in its worker until it is let go."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, _rows: object) -> None:
        self._entered.set()
        assert self._open.wait(WAIT_S)

    async def entered(self) -> None:
        assert await asyncio.to_thread(self._entered.wait, WAIT_S)

    def let_go(self) -> None:
        self._open.set()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    yield store
    await store.aclose()


async def connection_pragma(store: SqliteStore, name: str, *value: int) -> int:
    return await store._write(lambda tables: int(connection_of(tables).pragma(name, *value)))


def connection_of(tables: Tables) -> apsw.Connection:
    assert isinstance(tables, SqliteTables)
    return tables._connection


def large_note(size_bytes: int) -> Noted:
    return Noted(kind="x.noted", at=AT, data={"text": "x" * size_bytes})


async def is_gapless(store: SqliteStore) -> bool:
    seqs = [event.seq for event in await store.events("run", limit=100_000)]
    return seqs == list(range(1, len(seqs) + 1))


# --- groups ----------------------------------------------------------------------------------


class CountingWriter(Writer):
    """Counts what really reached the disk."""

    commits = 0

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._connection.set_commit_hook(self._count)

    def _count(self) -> bool:
        type(self).commits += 1
        return False


async def test_what_waits_together_is_written_in_one_transaction(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    writer: Worker[SqliteTables] = Worker("writer", max_group=64, max_waiting=1_000)
    await writer.start(partial(CountingWriter, path))
    reader: Any = Worker("reader", max_group=1, max_waiting=1_000)
    await reader.start(partial(Reader, path))
    store = SqliteStore(writer, reader)
    lease = await owned(store)
    gate = Gate()
    blocking = asyncio.ensure_future(store._write(gate))
    await gate.entered()
    writing = [asyncio.ensure_future(store.record(lease, note())) for _ in range(100)]
    await asyncio.sleep(0)
    CountingWriter.commits = 0
    gate.let_go()
    await asyncio.gather(blocking, *writing)
    assert CountingWriter.commits == 3  # the gate alone, then 64, then 36
    assert await is_gapless(store)
    await store.aclose()


async def test_a_refused_request_in_a_group_changes_nothing_for_its_neighbours(
    store: SqliteStore,
) -> None:
    lease = await owned(store, tasks=3)
    gate = Gate()
    blocking = asyncio.ensure_future(store._write(gate))
    await gate.entered()
    stale = Lease("run", 99)
    writing = asyncio.gather(
        store.record(lease, *started("run.1")),
        store.record(stale, note()),
        store.record(lease, *started("run.2"), move("run.2", Move.START)),
        store.record(lease, *started("run.3")),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    gate.let_go()
    await blocking
    results = await writing
    assert [isinstance(result, tuple) for result in results] == [True, False, False, True]
    assert isinstance(results[1], StaleWrite)
    assert [task.attempts for task in await store.tasks("run")] == [1, 0, 1]
    assert await is_gapless(store)


async def test_reading_does_not_wait_for_a_write_and_does_not_see_half_of_it(
    store: SqliteStore,
) -> None:
    lease = await owned(store)
    gate = Gate()

    def write_slowly(tables: Tables) -> None:
        tables.give_execution("run", generation=7, owner="half done")
        gate(tables)

    writing = asyncio.ensure_future(store._write(write_slowly))
    await gate.entered()
    async with asyncio.timeout(WAIT_S):
        assert (await store.execution("run")).generation == lease.generation
        await store.version()
    gate.let_go()
    await writing
    assert (await store.execution("run")).owner == "half done"


async def test_a_cancelled_caller_loses_the_answer_but_not_the_write(store: SqliteStore) -> None:
    lease = await owned(store)
    gate = Gate()
    blocking = asyncio.ensure_future(store._write(gate))
    await gate.entered()
    writing = asyncio.ensure_future(store.record(lease, *started("run.1")))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    gate.let_go()
    await blocking
    await store.record(lease, note())
    assert (await store.tasks("run"))[0].attempts == 1


async def test_an_error_in_a_piece_of_work_reaches_its_caller_and_nobody_else(
    store: SqliteStore,
) -> None:
    lease = await owned(store)

    def fail(_tables: object) -> None:
        raise ZeroDivisionError

    results = await asyncio.gather(
        store.record(lease, note()),
        store._write(fail),
        store._read(fail),
        store.record(lease, note()),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [
        tuple,
        ZeroDivisionError,
        ZeroDivisionError,
        tuple,
    ]


async def test_an_error_of_the_database_reaches_its_caller_and_nobody_else(
    store: SqliteStore,
) -> None:
    lease = await owned(store)

    def break_a_rule_of_the_schema(tables: Tables) -> None:
        tables.give_execution("run", generation=7, owner="nobody")
        tables.add_request("nothing", Wish.KILL, task_id=None, at=AT)

    with pytest.raises(StoreUnavailable, match="FOREIGN KEY"):
        await store._write(break_a_rule_of_the_schema)
    await store.record(lease, note())


# --- the queue -------------------------------------------------------------------------------


class Echo:
    """A clerk without a database."""

    def __init__(self) -> None:
        self.groups: list[int] = []

    def handle(self, jobs: Sequence[Job[Echo]]) -> None:
        self.groups.append(len(jobs))
        for job in jobs:
            job.settle(job.work(self))

    def rest(self, *, idle: bool) -> None:
        """Have nothing else to do."""

    def close(self) -> None:
        self.groups.append(-1)


async def test_no_more_than_the_limit_is_accepted_and_the_rest_waits_its_turn() -> None:
    worker: Worker[Echo] = Worker("echo", max_group=3, max_waiting=5)
    echo = Echo()
    await worker.start(lambda: echo)
    gate = Gate()
    blocking = asyncio.ensure_future(worker.ask(gate))
    await gate.entered()
    order: list[int] = []
    asking = [
        asyncio.ensure_future(worker.ask(lambda _echo, n=number: order.append(n)))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        for number in range(20)
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    assert worker._inbox.qsize() == 4  # with the one in hand: five
    gate.let_go()
    await asyncio.gather(blocking, *asking)
    assert order == list(range(20))
    assert max(echo.groups) == 3
    await worker.aclose()
    assert echo.groups[-1] == -1


async def test_whoever_still_waits_for_a_place_when_it_closes_is_refused() -> None:
    worker: Worker[Echo] = Worker("echo", max_group=3, max_waiting=1)
    await worker.start(Echo)
    gate = Gate()
    blocking = asyncio.ensure_future(worker.ask(gate))
    await gate.entered()
    late = [asyncio.ensure_future(worker.ask(lambda _echo: None)) for _ in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(worker.aclose())
    await asyncio.sleep(0)
    gate.let_go()
    await blocking
    await closing
    refusals = await asyncio.gather(*late, return_exceptions=True)
    assert [type(refusal) for refusal in refusals] == [StoreUnavailable] * 3


async def test_a_fault_of_the_clerk_leaves_nobody_waiting() -> None:
    class Faulty(Echo):
        def handle(self, jobs: Sequence[Job[Echo]]) -> None:
            if len(self.groups) == 0:
                self.groups.append(0)
                raise MemoryError
            super().handle(jobs)

    worker: Worker[Echo] = Worker("faulty", max_group=3, max_waiting=5)
    await worker.start(Faulty)
    async with asyncio.timeout(WAIT_S):
        with pytest.raises(MemoryError):
            await worker.ask(lambda _echo: None)
        assert await worker.ask(lambda _echo: 7) == 7
    await worker.aclose()


# --- the disk --------------------------------------------------------------------------------


async def test_a_full_disk_refuses_the_write_and_loses_nothing(store: SqliteStore) -> None:
    lease = await owned(store)
    await store.record(lease, note())
    pages = await connection_pragma(store, "page_count")
    limit = await connection_pragma(store, "max_page_count")
    await connection_pragma(store, "max_page_count", pages + 10)
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await store.record(lease, *started("run.1"), large_note(100_000))
    assert [event.kind for event in await store.events("run")] == [
        "execution.submitted",
        "task.noted",
    ]
    await store.record(lease, note())  # what fits still fits
    await connection_pragma(store, "max_page_count", limit)
    await store.record(lease, *started("run.1"), large_note(100_000))
    assert await is_gapless(store)


async def test_a_write_that_is_too_large_for_the_disk_takes_no_other_with_it(
    store: SqliteStore,
) -> None:
    lease = await owned(store)
    pages = await connection_pragma(store, "page_count")
    await connection_pragma(store, "max_page_count", pages + 10)
    gate = Gate()
    blocking = asyncio.ensure_future(store._write(gate))
    await gate.entered()
    writing = asyncio.gather(
        store.record(lease, note()),
        store.record(lease, large_note(100_000)),
        store.record(lease, note()),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    gate.let_go()
    await blocking
    results = await writing
    assert [isinstance(result, tuple) for result in results] == [True, False, True]
    assert isinstance(results[1], StoreUnavailable)
    assert await is_gapless(store)


async def test_a_disk_that_fails_refuses_the_write_and_loses_nothing(
    store: SqliteStore, tmp_path: Path
) -> None:
    lease = await owned(store)
    await store.record(lease, note())
    log = tmp_path / "store.sqlite-wal"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 50_000, before[1]))
    try:
        with pytest.raises(StoreUnavailable):
            await store.record(lease, *started("run.1"), large_note(200_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (await store.tasks("run"))[0].attempts == 0
    await store.record(lease, *started("run.1"), large_note(200_000))
    assert await is_gapless(store)


async def test_the_log_is_written_back_and_begun_again(store: SqliteStore, tmp_path: Path) -> None:
    lease = await owned(store)
    log = tmp_path / "store.sqlite-wal"
    sizes = []
    for _ in range(40):
        await store.record(lease, large_note(1_000_000))
        sizes.append(log.stat().st_size)
    # 40 MB were written: after 4 MB it may be begun again, after 16 MB it must be.
    assert max(sizes) < 20_000_000


class CountingPatience(database._Patience):
    """Counts how often somebody began to wait."""

    waits = 0

    def __call__(self, earlier_calls: int) -> bool:
        self.waits += earlier_calls == 0
        return super().__call__(earlier_calls)


async def test_a_lock_that_another_process_keeps_is_waited_for_but_not_for_ever(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await owned(store)
    patience = CountingPatience()
    await store._write(lambda tables: connection_of(tables).set_busy_handler(patience))
    other = apsw.Connection(str(tmp_path / "store.sqlite"))
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.05)
    writing = [store.record(lease, note()) for _ in range(3)]
    refusals = await asyncio.gather(*writing, return_exceptions=True)
    assert {str(refusal).split(":")[1] for refusal in refusals} == {
        " another process kept it locked for too long"
    }
    assert patience.waits <= 2  # a group of one, then the others together
    monkeypatch.undo()
    writing_again = asyncio.ensure_future(store.record(lease, note()))
    await store.version()  # it reads all the same
    other.execute("COMMIT")
    other.close()
    assert len(await writing_again) == 1
    assert await is_gapless(store)
