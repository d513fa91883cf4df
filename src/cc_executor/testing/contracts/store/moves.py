"""What is promised about the moves of tasks, and what follows for their execution."""

from __future__ import annotations

import msgspec
import pytest

from cc_executor.errors import InvalidTransition
from cc_executor.model.lifecycle import MOVES, Move, TaskState, is_final
from cc_executor.model.records import TaskMoved, TaskWaiting, Waiting
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import WithStore
from cc_executor.testing.contracts.store.samples import (
    AT,
    ENDS,
    PATHS,
    contents,
    kinds,
    move,
    moves,
    outcome,
    owned,
    starting,
    waiting,
)

_PARTICIPLES = {
    Move.START: "started",
    Move.PAUSE: "paused",
    Move.RESUME: "resumed",
    Move.RETRY: "retried",
    Move.SUCCEED: "succeeded",
    Move.FAIL: "failed",
    Move.TIME_OUT: "timed_out",
    Move.CANCEL: "cancelled",
    Move.LOSE: "lost",
    Move.SKIP: "skipped",
}


class MovePromises(WithStore):
    @pytest.mark.parametrize("state", [TaskState.QUEUED, TaskState.RUNNING, TaskState.PAUSED])
    async def test_a_task_waits_in_the_state_it_is_in(self, store: Store, state: TaskState) -> None:
        lease = await owned(store)
        await store.record(lease, *moves("run.1", *PATHS[state]))

        (waits,) = await store.record(lease, waiting("run.1", until=AT + 60))
        task = (await store.tasks("run"))[0]
        (proceeds,) = await store.record(
            lease, TaskWaiting(task_id="run.1", at=AT + 2, waiting=None)
        )

        assert (task.state, task.waiting) == (state, Waiting("slot", AT, AT + 60, "no room"))
        assert (waits.kind, waits.task_id, waits.at) == ("task.waiting", "run.1", AT + 1)
        assert waits.data == {
            "name": "task-1",
            "reason": "slot",
            "since": AT,
            "until": AT + 60,
            "message": "no room",
        }
        assert (proceeds.kind, proceeds.data) == ("task.proceeding", {"name": "task-1"})
        assert (await store.tasks("run"))[0].waiting is None

    async def test_moves_that_end_nothing_leave_a_wait_as_it_is(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *moves("run.1", Move.START), waiting("run.1"))
        await store.record(lease, *moves("run.1", Move.PAUSE, Move.RESUME, Move.RETRY))
        assert (await store.tasks("run"))[0].waiting == Waiting("slot", AT, None, "no room")

    async def test_the_start_of_an_attempt_ends_a_wait(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *moves("run.1", Move.START), waiting("run.1"))
        await store.record(lease, starting("run.1", 1))
        assert (await store.tasks("run"))[0].waiting is None

    @pytest.mark.parametrize("what", ENDS)
    async def test_what_has_ended_waits_for_nothing(self, store: Store, what: Move) -> None:
        lease = await owned(store)
        before = () if what is Move.SKIP else (Move.START,)
        await store.record(lease, *moves("run.1", *before), waiting("run.1"))
        await store.record(lease, move("run.1", what))
        assert (await store.tasks("run"))[0].waiting is None

        before_refusal = await contents(store)
        with pytest.raises(InvalidTransition):
            await store.record(lease, waiting("run.1"))
        assert await contents(store) == before_refusal

    @pytest.mark.parametrize("what", Move)
    @pytest.mark.parametrize("state", TaskState)
    async def test_a_task_makes_the_moves_that_the_law_allows_and_no_other(
        self, store: Store, state: TaskState, what: Move
    ) -> None:
        lease = await owned(store)
        await store.record(lease, *moves("run.1", *PATHS[state]))
        before = await contents(store)
        if what in MOVES.get(state, {}):
            event, *_ = await store.record(lease, move("run.1", what, at=AT + 1))
            assert (await store.tasks("run"))[0].state is MOVES[state][what]
            assert (event.kind, event.task_id) == (f"task.{_PARTICIPLES[what]}", "run.1")
            assert (event.attempt, event.at) == (None, AT + 1)
        else:
            with pytest.raises(InvalidTransition) as refusal:
                await store.record(lease, move("run.1", what))
            assert (refusal.value.state, refusal.value.move) == (state, what)
            assert await contents(store) == before

    async def test_a_task_remembers_when_it_started_and_how_it_ended(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, move("run.1", Move.START, at=AT + 1))
        await store.record(lease, move("run.1", Move.RETRY, at=AT + 2))
        await store.record(lease, move("run.1", Move.PAUSE, at=AT + 3))
        task = (await store.tasks("run"))[0]
        assert (task.started_at, task.ended_at, task.outcome) == (AT + 1, None, None)
        await store.record(lease, move("run.1", Move.FAIL, at=AT + 4))
        task = (await store.tasks("run"))[0]
        assert (task.started_at, task.ended_at) == (AT + 1, AT + 4)
        assert task.outcome == outcome(TaskState.FAILED)

    async def test_a_task_that_never_started_has_no_start(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, move("run.1", Move.SKIP, at=AT + 1))
        task = (await store.tasks("run"))[0]
        assert (task.started_at, task.ended_at) == (None, AT + 1)

    @pytest.mark.parametrize("what", ENDS)
    async def test_an_end_says_in_its_event_what_came_of_the_task(
        self, store: Store, what: Move
    ) -> None:
        lease = await owned(store)
        if what is not Move.SKIP:
            await store.record(lease, move("run.1", Move.START))
        event, *_ = await store.record(lease, move("run.1", what))
        said = outcome(ENDS[what])
        assert event.data["name"] == "task-1"
        assert event.data["state"] == said.state
        assert event.data.get("failure") == said.failure
        assert event.data["message"] == said.message
        assert (event.data["exit_code"], event.data["duration_s"]) == (0, 1.5)
        assert event.data["cost_usd"] == 0.125

    async def test_what_is_unknown_is_left_out_of_an_event(self, store: Store) -> None:
        lease = await owned(store)
        event, *_ = await store.record(lease, move("run.1", Move.START))
        assert event.data == {"name": "task-1", "attempts": 0}

    async def test_an_outcome_comes_with_a_final_move_and_with_no_other(self, store: Store) -> None:
        lease = await owned(store)
        before = await contents(store)
        with pytest.raises(ValueError, match=r"run\.1"):
            await store.record(lease, _with_outcome(move("run.1", Move.START)))
        with pytest.raises(ValueError, match=r"run\.1"):
            await store.record(lease, _without_outcome(move("run.1", Move.SKIP)))
        assert await contents(store) == before

    async def test_an_execution_is_what_its_tasks_make_it(self, store: Store) -> None:
        lease = await owned(store)
        for task, what, state, events in (
            ("run.1", Move.START, TaskState.RUNNING, ["task.started", "execution.started"]),
            ("run.1", Move.PAUSE, TaskState.PAUSED, ["task.paused", "execution.paused"]),
            ("run.1", Move.RESUME, TaskState.RUNNING, ["task.resumed", "execution.resumed"]),
            ("run.1", Move.RETRY, TaskState.RUNNING, ["task.retried"]),
            ("run.1", Move.FAIL, TaskState.RUNNING, ["task.failed"]),
            ("run.2", Move.SKIP, TaskState.FAILED, ["task.skipped", "execution.failed"]),
        ):
            made = await store.record(lease, move(task, what))
            assert [event.kind for event in made] == events
            assert (await store.execution("run")).state is state

    @pytest.mark.parametrize("what", ENDS)
    async def test_an_execution_ends_with_its_last_task_and_says_so(
        self, store: Store, what: Move
    ) -> None:
        lease = await owned(store, tasks=1)
        path = (Move.SKIP,) if what is Move.SKIP else (Move.START, what)
        *_, event = await store.record(lease, *(move("run.1", one, at=AT + 5) for one in path))
        execution = await store.execution("run")
        assert is_final(execution.state)
        assert (execution.state, execution.ended_at) == (ENDS[what], AT + 5)
        assert event.kind == f"execution.{ENDS[what]}"
        assert (event.task_id, event.at) == (None, AT + 5)

    async def test_an_execution_moves_once_in_a_call(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, move("run.1", Move.CANCEL), move("run.2", Move.CANCEL))
        assert await kinds(store) == [
            "execution.submitted",
            "task.cancelled",
            "task.cancelled",
            "execution.cancelled",
        ]

    async def test_the_first_task_that_did_not_succeed_gives_the_execution_its_state(
        self, store: Store
    ) -> None:
        lease = await owned(store, tasks=4)
        await store.record(
            lease,
            *moves("run.4", Move.START, Move.FAIL),
            *moves("run.3", Move.START, Move.TIME_OUT),
            *moves("run.2", Move.SKIP),
            *moves("run.1", Move.START, Move.SUCCEED),
        )
        assert (await store.execution("run")).state is TaskState.TIMED_OUT


def _with_outcome(change: TaskMoved) -> TaskMoved:
    return msgspec.structs.replace(change, outcome=outcome())


def _without_outcome(change: TaskMoved) -> TaskMoved:
    return msgspec.structs.replace(change, outcome=None)
