"""What is promised about new executions."""

from __future__ import annotations

import msgspec
import pytest

from cc_executor.errors import (
    AgentSessionBusy,
    DuplicateExecution,
    ExecutionNotFound,
    InvalidTransition,
    StaleWrite,
    TaskNotFound,
)
from cc_executor.model.lifecycle import Move, TaskState
from cc_executor.model.records import Lease
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import WithStore
from cc_executor.testing.contracts.store.samples import (
    AT,
    contents,
    kinds,
    move,
    moves,
    new_execution,
    outcome,
    started,
    starting,
    succeeded,
)


class CreationPromises(WithStore):
    async def test_a_new_execution_is_read_back_as_it_was_given(self, store: Store) -> None:
        execution, tasks = new_execution()
        await store.create(execution, tasks)
        assert await store.execution("run") == execution
        assert await store.tasks("run") == tasks

    async def test_the_first_event_says_that_it_was_submitted(self, store: Store) -> None:
        (submitted,) = await store.create(*new_execution())
        assert (submitted.seq, submitted.kind, submitted.at) == (1, "execution.submitted", AT)
        assert (submitted.execution_id, submitted.task_id) == ("run", None)
        assert submitted.data == {
            "title": "a list",
            "tasks": 2,
            "workspace": "/workspace",
            "host": "server",
        }
        assert await store.events("run") == (submitted,)

    async def test_a_taken_id_is_refused_and_changes_nothing(self, store: Store) -> None:
        await store.create(*new_execution())
        before = await contents(store)
        with pytest.raises(DuplicateExecution) as refusal:
            await store.create(*new_execution(tasks=5, created_at=AT + 1))
        assert refusal.value.execution_id == "run"
        assert await contents(store) == before

    async def test_an_execution_can_have_an_owner_before_anybody_finds_it(
        self, store: Store
    ) -> None:
        execution, tasks = new_execution(owner="engine")
        await store.create(execution, tasks)
        assert (await store.execution("run")).owner == "engine"
        assert (await store.take("run", "other")).generation == execution.generation + 1

    async def test_its_owner_can_begin_in_the_same_transaction(self, store: Store) -> None:
        execution, tasks = new_execution(owner="engine")
        await store.create(execution, tasks, *started("run.1"))
        assert await kinds(store) == [
            "execution.submitted",
            "task.started",
            "attempt.starting",
            "attempt.started",
            "execution.started",
        ]
        assert (await store.execution("run")).state is TaskState.RUNNING
        await store.record(Lease("run", 1), *succeeded("run.1"))  # the lease it began with

    async def test_a_first_change_that_is_refused_leaves_no_execution(self, store: Store) -> None:
        await store.create(
            *new_execution("other", owner="engine"), *started("other.1", session="s")
        )
        before = await contents(store)
        for refusal, changes in (
            (AgentSessionBusy, started("run.1", session="s")),
            (InvalidTransition, (move("run.1", Move.PAUSE),)),
            (TaskNotFound, (move("other.2", Move.START),)),
            (StaleWrite, (move("run.1", Move.START), starting("run.1", 2))),
        ):
            with pytest.raises(refusal):
                await store.create(*new_execution(owner="engine"), *changes)
            assert await contents(store) == before

    async def test_nobody_changes_what_nobody_owns(self, store: Store) -> None:
        with pytest.raises(ValueError, match="run"):
            await store.create(*new_execution(), *started("run.1"))
        with pytest.raises(ExecutionNotFound):
            await store.execution("run")

    async def test_what_is_carried_over_keeps_its_outcome_and_does_not_start_the_execution(
        self, store: Store
    ) -> None:
        execution, tasks = new_execution(tasks=3, carried=(TaskState.SUCCEEDED,))
        await store.create(execution, tasks)
        assert await store.tasks("run") == tasks
        assert (await store.execution("run")).state is TaskState.QUEUED
        assert await kinds(store) == ["execution.submitted"]

    async def test_carried_successes_and_own_ones_make_a_success(self, store: Store) -> None:
        await store.create(*new_execution(tasks=2, carried=(TaskState.SUCCEEDED,)))
        lease = await store.take("run", "engine")
        await store.record(lease, *moves("run.2", Move.START, Move.SUCCEED))
        assert (await store.execution("run")).state is TaskState.SUCCEEDED

    async def test_a_failure_that_is_carried_over_stays_one(self, store: Store) -> None:
        await store.create(*new_execution(tasks=2, carried=(TaskState.FAILED,)))
        lease = await store.take("run", "engine")
        await store.record(lease, *moves("run.2", Move.START, Move.SUCCEED))
        assert (await store.execution("run")).state is TaskState.FAILED

    async def test_an_execution_with_nothing_left_to_do_is_over_at_once(self, store: Store) -> None:
        await store.create(*new_execution(tasks=1, carried=(TaskState.SUCCEEDED,)))
        execution = await store.execution("run")
        assert (execution.state, execution.ended_at) == (TaskState.SUCCEEDED, AT)
        assert await kinds(store) == ["execution.submitted", "execution.succeeded"]
        assert await store.unfinished() == ()

    async def test_tasks_that_are_not_the_entries_of_the_list_are_refused(
        self, store: Store
    ) -> None:
        execution, (first, second) = new_execution()
        replace = msgspec.structs.replace
        for tasks in (
            (),
            (first,),
            (second, first),
            (first, replace(second, id="other.2")),
            (first, replace(second, execution_id="other")),
            (first, replace(second, spec=first.spec)),
            (first, replace(second, state=TaskState.SUCCEEDED, outcome=outcome())),
            (first, replace(second, state=TaskState.RUNNING)),
            (first, replace(second, attempts=1)),
        ):
            with pytest.raises(ValueError, match="run"):
                await store.create(execution, tasks)
        with pytest.raises(ExecutionNotFound):
            await store.execution("run")

    async def test_a_list_of_a_thousand_tasks_is_a_list_like_any_other(self, store: Store) -> None:
        execution, tasks = new_execution(tasks=1_000)
        await store.create(execution, tasks)
        lease = await store.take("run", "engine")
        await store.record(lease, move("run.1000", Move.START))
        assert [task.number for task in await store.tasks("run")] == list(range(1, 1_001))
        assert (await store.execution("run")).state is TaskState.RUNNING
