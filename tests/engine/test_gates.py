"""What lets attempts start: in order, told to people, and settled whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cc_executor import wiring
from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.engine.gates import Candidate, Gate, GateClosed, Survivor, Tell
from cc_executor.engine.submit import check, records
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import Move, TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import AttemptStarting, Host, TaskMoved, Waiting
from cc_executor.model.results import ExecutionResult
from cc_executor.testing.scripted_agent import Script
from tests.engine.test_control import READY_AND_HANG, appeared

NO_ROOM = Waiting("slot", 1.0, None, "no room")


class Turnstile:
    """A gate that is shut until it is opened, and remembers everything."""

    def __init__(self, name: str = "gate", *, diary: list[str] | None = None) -> None:
        self.name = name
        self.diary = [] if diary is None else diary
        self.opened = asyncio.Event()
        self.closed_for: str | None = None
        self.keeps_out: str | None = None

    async def enter(self, candidate: Candidate, tell: Tell) -> Turnstile:
        self._note(f"enter {candidate.task.name} {candidate.number}")
        if candidate.task.name == self.closed_for:
            raise GateClosed(Failure.BUDGET, "there is nothing left")
        if candidate.task.name == self.keeps_out:
            await tell(NO_ROOM)
            await asyncio.Event().wait()
        if not self.opened.is_set():
            await tell(NO_ROOM)
            await self.opened.wait()
        self._note("through")
        return self

    async def adopt(self, survivor: Survivor) -> Turnstile:
        self._note(f"adopt {survivor.task.name} {survivor.number}")
        return self

    async def settle(self, outcome: Outcome | None) -> None:
        self._note(f"settle {outcome.state if outcome else None}")

    def leave(self) -> None:
        self._note("leave")

    def _note(self, what: str) -> None:
        self.diary.append(f"{self.name}: {what}")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Turnstile:
    turnstile = Turnstile()
    put(monkeypatch, [turnstile])
    return turnstile


def put(monkeypatch: pytest.MonkeyPatch, gates: Sequence[Gate]) -> None:
    monkeypatch.setattr(wiring, "gates", lambda _windows: tuple(gates))


async def waiting(executor: Executor, execution_id: str, number: int = 1) -> ExecutionResult:
    async with asyncio.timeout(10):
        while True:
            found = await executor.get(execution_id)
            if found.tasks[number - 1].record.waiting is not None:
                return found
            await asyncio.sleep(0.005)


async def kinds(executor: Executor, execution_id: str) -> list[str]:
    return [event.kind async for event in executor.stream(execution_id) if hasattr(event, "kind")]


async def test_an_attempt_starts_when_the_gate_opens(gate: Turnstile, executor: Executor) -> None:
    submitted = await executor.submit([{"command": ["true"]}])
    found = await waiting(executor, submitted.id)
    assert found.tasks[0].state is TaskState.QUEUED
    assert found.tasks[0].record.attempts == 0
    assert found.to_json()["tasks"][0]["waiting"]["reason"] == "slot"

    gate.opened.set()
    ended = await executor.wait(submitted.id)

    assert ended.state is TaskState.SUCCEEDED
    assert ended.tasks[0].record.waiting is None
    assert (await kinds(executor, submitted.id))[:4] == [
        "execution.submitted",
        "task.waiting",
        "task.proceeding",
        "task.started",
    ]
    assert gate.diary == ["gate: enter task-1 1", "gate: through", "gate: settle succeeded"]


async def test_gates_are_passed_in_order_and_settled_in_the_opposite_one(
    monkeypatch: pytest.MonkeyPatch, config: CCExecutorConfig
) -> None:
    diary: list[str] = []
    put(monkeypatch, [Turnstile("a", diary=diary), Turnstile("b", diary=diary)])
    async with Executor(config) as executor:
        submitted = await executor.submit([{"command": ["true"]}])
        await waiting(executor, submitted.id)
        assert diary == ["a: enter task-1 1"]
        await executor.cancel(submitted.id)
    assert diary == ["a: enter task-1 1"]


async def test_what_was_given_is_given_back_when_a_later_gate_is_closed_for_good(
    monkeypatch: pytest.MonkeyPatch, config: CCExecutorConfig
) -> None:
    diary: list[str] = []
    open_one, closed_one = Turnstile("a", diary=diary), Turnstile("b", diary=diary)
    open_one.opened.set()
    closed_one.closed_for = "task-1"
    put(monkeypatch, [open_one, closed_one])
    async with Executor(config) as executor:
        ended = await executor.run([{"command": ["true"]}])
    assert ended.tasks[0].state is TaskState.FAILED
    assert ended.tasks[0].record.attempts == 0
    assert ended.tasks[0].outcome is not None
    assert ended.tasks[0].outcome.failure is Failure.BUDGET
    assert ended.tasks[0].outcome.message == "there is nothing left"
    assert diary == ["a: enter task-1 1", "a: through", "b: enter task-1 1", "a: settle None"]


async def test_an_engine_that_goes_away_gives_back_what_a_waiting_task_was_given(
    monkeypatch: pytest.MonkeyPatch, config: CCExecutorConfig
) -> None:
    diary: list[str] = []
    open_one, shut_one = Turnstile("a", diary=diary), Turnstile("b", diary=diary)
    open_one.opened.set()
    put(monkeypatch, [open_one, shut_one])
    async with Executor(config) as executor:
        submitted = await executor.submit([{"command": ["true"]}])
        await waiting(executor, submitted.id)
        _, task = executor.engine._runs[submitted.id]
        task.cancel()
        await asyncio.wait({task})
    assert diary[-1] == "a: settle None"


async def test_a_waiting_task_can_be_cancelled(gate: Turnstile, executor: Executor) -> None:
    submitted = await executor.submit([{"command": ["true"]}, {"command": ["true"]}])
    await waiting(executor, submitted.id)

    ended = await executor.cancel(submitted.id)

    assert [task.state for task in ended.tasks] == ["cancelled", "cancelled"]
    assert [task.record.waiting for task in ended.tasks] == [None, None]
    assert gate.diary == ["gate: enter task-1 1"]


async def test_a_waiting_task_that_is_paused_starts_when_it_is_resumed(
    gate: Turnstile, executor: Executor
) -> None:
    submitted = await executor.submit([{"command": ["true"]}])
    await waiting(executor, submitted.id)

    await executor.pause(submitted.id)
    gate.opened.set()
    async with asyncio.timeout(10):
        while "gate: settle None" not in gate.diary:  # it does not keep what it cannot use
            await asyncio.sleep(0.005)
    assert (await executor.get(submitted.id)).tasks[0].record.attempts == 0
    await executor.resume(submitted.id)
    ended = await executor.wait(submitted.id)

    assert ended.state is TaskState.SUCCEEDED
    assert gate.diary[2:] == [
        "gate: settle None",
        "gate: enter task-1 1",
        "gate: through",
        "gate: settle succeeded",
    ]


async def test_a_waiting_task_is_skipped_when_a_task_beside_it_fails(
    gate: Turnstile, executor: Executor, workspace: Path
) -> None:
    gate.opened.set()
    gate.keeps_out = "task-2"
    fails = Script().touch("ready").wait_for_file("go").exit(3).argv()
    submitted = await executor.submit(
        [{"command": fails, "needs": []}, {"command": ["true"], "needs": []}]
    )
    await appeared(workspace / "ready")
    await waiting(executor, submitted.id, 2)

    (workspace / "go").touch()
    ended = await executor.wait(submitted.id)

    assert [task.state for task in ended.tasks] == ["failed", "skipped"]


async def test_an_attempt_that_its_engine_lets_go_of_is_left_not_settled(
    gate: Turnstile, executor: Executor, workspace: Path
) -> None:
    gate.opened.set()
    submitted = await executor.submit([{"command": READY_AND_HANG}])
    await appeared(workspace / "ready")

    _, task = executor.engine._runs[submitted.id]
    task.cancel()
    await asyncio.wait({task})

    assert gate.diary[-1] == "gate: leave"


async def test_the_attempt_of_a_dead_engine_is_adopted_and_settled(
    gate: Turnstile, executor: Executor
) -> None:
    gate.opened.set()
    execution_id = await intended_by_a_dead_engine(executor)

    assert await executor.engine.adopt(execution_id)
    ended = await executor.wait(execution_id)

    assert ended.ok
    assert gate.diary == [
        "gate: adopt task-1 1",
        "gate: settle None",  # it had never started
        "gate: enter task-1 2",
        "gate: through",
        "gate: settle succeeded",
    ]


async def intended_by_a_dead_engine(executor: Executor) -> str:
    world = executor.engine._world
    checked = check(world, executor.task_list([{"command": ["true"]}]))
    execution, tasks = records(world, checked, host=Host.DETACHED, owner="dead")
    await world.store.create(
        execution,
        tasks,
        TaskMoved(task_id=tasks[0].id, move=Move.START, at=1.0),
        AttemptStarting(task_id=tasks[0].id, number=1, agent="command", at=1.0),
    )
    return execution.id
