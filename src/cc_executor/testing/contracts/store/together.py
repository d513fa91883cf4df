"""What is promised when many ask at once, when callers give up, and at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cc_executor.errors import AgentSessionBusy, InvalidTransition, StaleWrite, StoreUnavailable
from cc_executor.model.lifecycle import Move
from cc_executor.model.records import Lease, Wish
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import MakeStore, WithStore
from cc_executor.testing.contracts.store.samples import (
    AT,
    move,
    new_execution,
    note,
    owned,
    started,
)


class TogetherPromises(WithStore):
    async def test_a_hundred_callers_at_once_leave_no_gap_and_no_duplicate(
        self, store: Store
    ) -> None:
        lease = await owned(store)
        made = await asyncio.gather(*(store.record(lease, note(), note()) for _ in range(100)))
        seqs = sorted(event.seq for events in made for event in events)
        assert seqs == list(range(2, 202))
        assert all(first.seq + 1 == second.seq for first, second in made)
        assert [event.seq for event in await store.events("run")] == list(range(1, 202))

    async def test_a_refused_call_takes_none_of_its_neighbours_with_it(self, store: Store) -> None:
        lease = await owned(store, tasks=3)
        stale = Lease("run", lease.generation - 1)
        results = await asyncio.gather(
            store.record(lease, *started("run.1", session="s")),
            store.record(stale, note()),
            store.record(lease, note(), move("run.1", Move.START)),
            store.record(lease, *started("run.2", session="s")),
            store.record(lease, *started("run.3", session="t")),
            return_exceptions=True,
        )
        refusals = [type(result) for result in results if isinstance(result, BaseException)]
        assert refusals == [StaleWrite, InvalidTransition, AgentSessionBusy]
        assert [task.attempts for task in await store.tasks("run")] == [1, 0, 1]
        seqs = [event.seq for event in await store.events("run")]
        assert seqs == list(range(1, len(seqs) + 1))

    async def test_of_many_who_want_one_session_exactly_one_gets_it(self, store: Store) -> None:
        lease = await owned(store, tasks=10)
        results = await asyncio.gather(
            *(store.record(lease, *started(f"run.{n}", session="s")) for n in range(1, 11)),
            return_exceptions=True,
        )
        busy = [result for result in results if isinstance(result, AgentSessionBusy)]
        assert len(busy) == 9
        attempts = [await store.attempts(f"run.{n}") for n in range(1, 11)]
        assert sum(len(of_task) for of_task in attempts) == 1

    async def test_of_many_who_take_one_execution_everybody_gets_another_generation(
        self, store: Store
    ) -> None:
        await store.create(*new_execution())
        leases = await asyncio.gather(*(store.take("run", f"engine{n}") for n in range(10)))
        assert sorted(lease.generation for lease in leases) == list(range(1, 11))
        last = max(leases, key=lambda lease: lease.generation)
        owner = (await store.execution("run")).owner
        assert owner == f"engine{leases.index(last)}"

    async def test_whoever_has_written_reads_what_was_written(self, store: Store) -> None:
        lease = await owned(store, tasks=50)
        for number in range(1, 51):
            await store.record(lease, *started(f"run.{number}"))
            assert (await store.tasks("run"))[number - 1].attempts == 1

    @pytest.mark.parametrize("turns", range(4))
    async def test_a_caller_who_gives_up_leaves_a_whole_write_or_none(
        self, store: Store, turns: int
    ) -> None:
        lease = await owned(store)
        writing = asyncio.ensure_future(store.record(lease, *started("run.1")))
        for _ in range(turns):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        await store.record(lease, note())  # after it, in any case
        kinds = [event.kind for event in await store.events("run")]
        whole = ["task.started", "attempt.starting", "attempt.started", "execution.started"]
        assert kinds in (
            ["execution.submitted", "task.noted"],
            ["execution.submitted", *whole, "task.noted"],
        )

    async def test_closing_finishes_what_was_accepted(self, store: Store) -> None:
        lease = await owned(store)
        writing = [asyncio.ensure_future(store.record(lease, note())) for _ in range(20)]
        await asyncio.sleep(0)
        await store.aclose()
        made = [event for events in await asyncio.gather(*writing) for event in events]
        assert [event.seq for event in made] == list(range(2, 22))

    async def test_closing_twice_or_at_once_does_nothing_more(self, make_store: MakeStore) -> None:
        store = await make_store()
        await asyncio.gather(store.aclose(), store.aclose())
        await store.aclose()
        with pytest.raises(StoreUnavailable):
            await store.version()

    async def test_a_closed_store_refuses_everything(self, store: Store) -> None:
        lease = await owned(store)
        await store.aclose()
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: store.create(*new_execution("other")),
            lambda: store.take("run", "engine"),
            lambda: store.record(lease, note()),
            lambda: store.request("run", Wish.CANCEL, task_id=None, at=AT),
            lambda: store.requests("run"),
            lambda: store.execution("run"),
            lambda: store.find("run"),
            store.executions,
            store.unfinished,
            lambda: store.tasks("run"),
            lambda: store.attempts("run.1"),
            lambda: store.events("run"),
            store.version,
        )
        for call in calls:
            with pytest.raises(StoreUnavailable):
                await call()
