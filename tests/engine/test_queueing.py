"""How long a task waits for its first attempt, and what happens when that is too long."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.engine.queueing import next_due_at, overdue, waited
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord
from cc_executor.model.results import TaskResult
from cc_executor.model.specs import TaskList, TaskSpec
from cc_executor.model.timers import Timing
from cc_executor.testing.scripted_agent import Script
from tests.engine.test_control import READY_AND_HANG
from tests.engine.test_gates import Turnstile, put

PATIENT = TaskSpec(name="patient", prompt="x")
HURRIED = TaskSpec(name="hurried", prompt="x", queue_timeout_s=5)
EXECUTION = ExecutionRecord(
    id="e",
    host=Host.SERVER,
    state=TaskState.QUEUED,
    task_list=TaskList(tasks=(PATIENT, HURRIED), workspace="/w"),
    created_at=100,
)


def task(spec: TaskSpec, state: TaskState = TaskState.QUEUED) -> TaskRecord:
    return TaskRecord(id=f"e.{spec.name}", execution_id="e", number=1, spec=spec, state=state)


def outcome_of(ended: TaskResult) -> Outcome:
    assert ended.outcome is not None
    return ended.outcome


def test_a_wait_is_measured_from_the_submit_on() -> None:
    assert waited(EXECUTION, HURRIED, 103) == Timing(name="queue", bound_s=5, ran_s=3)
    assert waited(EXECUTION, PATIENT, 99).ran_s == 0  # a clock that was set back


def test_who_has_waited_for_too_long_times_out() -> None:
    assert overdue(EXECUTION, HURRIED, 104.9) is None
    assert overdue(EXECUTION, PATIENT, 1e9) is None
    late = overdue(EXECUTION, HURRIED, 105)

    assert late is not None
    assert (late.state, late.failure, late.detail) == ("timed_out", "timed_out", "queue")
    assert late.timers == (Timing(name="queue", bound_s=5, ran_s=5, expired=True),)


def test_only_what_is_queued_can_wait_for_too_long() -> None:
    assert next_due_at(EXECUTION, (task(PATIENT), task(HURRIED))) == 105
    assert next_due_at(EXECUTION, (task(HURRIED, TaskState.RUNNING),)) is None


async def test_a_task_behind_one_that_takes_too_long_is_not_started(
    executor: Executor, workspace: Path
) -> None:
    made = Script().touch("made").argv()
    submitted = await executor.submit(
        [
            {"name": "long", "command": READY_AND_HANG},
            {"name": "late", "command": made, "queue_timeout_s": 0.5},
            {"name": "after", "command": made, "needs": ["late"]},
        ],
        stop_on_failure=False,
    )
    async with asyncio.timeout(20):
        while (await executor.get(submitted.id)).tasks[1].outcome is None:
            await asyncio.sleep(0.02)
    long, late, after = (await executor.get(submitted.id)).tasks
    await executor.cancel(submitted.id)

    assert (long.state, late.state, after.state) == ("running", "timed_out", "skipped")
    assert outcome_of(late).detail == "queue"
    assert not (workspace / "made").exists()


async def test_what_is_started_says_how_long_it_waited(executor: Executor) -> None:
    quick = Script().exit(0).argv()
    ended = await executor.run(
        [{"command": Script().delay(300).argv()}, {"command": quick, "queue_timeout_s": 60}]
    )

    first, second = (outcome_of(one) for one in ended.tasks)
    assert first.queue is not None
    assert second.queue is not None
    assert first.queue.bound_s is None
    assert second.queue.bound_s == 60
    assert second.queue.ran_s >= 0.3
    assert [timing.expired for timing in second.timers] == [False] * 9


async def test_a_task_that_a_gate_keeps_waiting_times_out_there(
    monkeypatch: pytest.MonkeyPatch, config: CCExecutorConfig, workspace: Path
) -> None:
    gate = Turnstile()
    put(monkeypatch, [gate])
    async with Executor(config) as executor:
        ended = await executor.run(
            [{"command": Script().touch("made").argv(), "queue_timeout_s": 0.3}]
        )

    assert gate.diary == ["gate: enter task-1 1"]
    assert (ended.tasks[0].state, outcome_of(ended.tasks[0]).detail) == ("timed_out", "queue")
    assert not (workspace / "made").exists()
