"""What is promised about who may write."""

from __future__ import annotations

import asyncio

import pytest

from cc_executor.errors import ExecutionNotFound, StaleWrite, TaskNotFound
from cc_executor.model.lifecycle import Move, TaskState
from cc_executor.model.records import Lease, Wish
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import WithStore
from cc_executor.testing.contracts.store.samples import (
    AT,
    contents,
    move,
    moves,
    new_execution,
    note,
    owned,
    started,
    starting,
    succeeded,
)


class LeasePromises(WithStore):
    async def test_each_taking_gives_a_higher_generation_and_names_the_owner(
        self, store: Store
    ) -> None:
        await store.create(*new_execution())
        for generation, owner in enumerate(("one", "two", "one"), start=1):
            assert await store.take("run", owner) == Lease("run", generation)
            execution = await store.execution("run")
            assert (execution.generation, execution.owner) == (generation, owner)

    async def test_what_does_not_exist_cannot_be_taken(self, store: Store) -> None:
        with pytest.raises(ExecutionNotFound):
            await store.take("nothing", "engine")

    async def test_whoever_holds_an_old_lease_is_refused_and_changes_nothing(
        self, store: Store
    ) -> None:
        old = await owned(store)
        await store.record(old, *started("run.1"))
        new = await store.take("run", "other")
        before = await contents(store)
        for changes in ((), (note(),), succeeded("run.1"), started("run.2")):
            with pytest.raises(StaleWrite) as refusal:
                await store.record(old, *changes)
            assert (refusal.value.held, refusal.value.current) == (1, 2)
        assert await contents(store) == before
        assert await store.record(new, *succeeded("run.1"))

    async def test_a_lease_that_nobody_gave_is_refused(self, store: Store) -> None:
        await store.create(*new_execution("unowned"))
        await owned(store)
        for lease in (Lease("unowned", 0), Lease("unowned", 1), Lease("run", 0), Lease("run", 2)):
            with pytest.raises(StaleWrite):
                await store.record(lease, note())
        with pytest.raises(ExecutionNotFound):
            await store.record(Lease("nothing", 1), note())

    async def test_a_lease_is_good_for_the_tasks_of_its_own_execution_only(
        self, store: Store
    ) -> None:
        lease = await owned(store)
        await store.create(*new_execution("other"))
        before = await contents(store)
        for task in ("other.1", "run.3", "run", "run.01", "run.1.1", ""):
            for change in (move(task, Move.START), starting(task), note(task=task)):
                with pytest.raises(TaskNotFound) as refusal:
                    await store.record(lease, change)
                assert refusal.value.task_id == task
        assert await contents(store) == before

    async def test_all_changes_of_a_call_are_made_or_none(self, store: Store) -> None:
        lease = await owned(store, tasks=3)
        await store.record(lease, *started("run.1", session="s"))
        before = await contents(store)
        with pytest.raises(TaskNotFound):
            await store.record(
                lease,
                *succeeded("run.1"),
                *started("run.2", session="s"),
                note(),
                move("run.3", Move.SKIP),
                move("run.4", Move.START),
            )
        assert await contents(store) == before
        # Nothing of it is held back either: neither a number nor the session.
        await store.record(lease, *succeeded("run.1"), *started("run.2", session="s"))

    async def test_of_two_owners_at_once_only_the_later_one_writes(self, store: Store) -> None:
        await store.create(*new_execution(tasks=20))
        leases = [await store.take("run", owner) for owner in ("one", "two")]

        async def start(lease: Lease, number: int) -> bool:
            try:
                await store.record(lease, *started(f"run.{number}"))
            except StaleWrite:
                return False
            return True

        results = await asyncio.gather(
            *(start(lease, number) for number in range(1, 21) for lease in leases)
        )
        assert results == [False, True] * 20
        assert {task.attempts for task in await store.tasks("run")} == {1}

    async def test_anybody_may_wish_and_the_owner_finds_it(self, store: Store) -> None:
        await store.create(*new_execution())
        await store.create(*new_execution("other"))
        first = await store.request("run", Wish.PAUSE, task_id="run.2", at=AT)
        await store.request("other", Wish.KILL, task_id=None, at=AT)
        last = await store.request("run", Wish.CANCEL, task_id=None, at=AT + 1)
        assert (first.execution_id, first.task_id, first.wish) == ("run", "run.2", Wish.PAUSE)
        assert (last.task_id, last.wish, last.at) == (None, Wish.CANCEL, AT + 1)
        assert last.seq > first.seq
        assert await store.requests("run") == (first, last)
        assert await store.requests("run", after_seq=first.seq) == (last,)
        assert await store.requests("run", after_seq=last.seq) == ()
        assert await store.requests("nothing") == ()

    async def test_a_wish_about_what_does_not_exist_is_refused(self, store: Store) -> None:
        await store.create(*new_execution())
        await store.create(*new_execution("other"))
        with pytest.raises(ExecutionNotFound):
            await store.request("nothing", Wish.CANCEL, task_id=None, at=AT)
        for task in ("other.1", "run.3", "task-1"):
            with pytest.raises(TaskNotFound):
                await store.request("run", Wish.CANCEL, task_id=task, at=AT)
        assert await store.requests("run") == ()

    async def test_a_wish_changes_nothing_by_itself(self, store: Store) -> None:
        lease = await owned(store)
        events = await store.record(lease, *moves("run.1", Move.START))
        await store.request("run", Wish.KILL, task_id=None, at=AT)
        assert (await store.execution("run")).state is TaskState.RUNNING
        assert (await store.events("run"))[-1] == events[-1]
