"""Pause, resume, cancel, from this engine and from another one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.errors import ExecutionNotFound, InvalidTransition, TaskNotFound
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.testing.hostile import HOSTILE, LIFELINE, READY
from cc_executor.testing.lifeline import wait_until_free
from cc_executor.testing.scripted_agent import Script

READY_AND_HANG = Script().lifeline("lifeline").touch("ready").hang().argv()


async def appeared(path: Path) -> None:
    async with asyncio.timeout(10):
        while not path.exists():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("name", HOSTILE)
async def test_cancelling_leaves_nothing_alive(
    name: str, executor: Executor, workspace: Path
) -> None:
    submitted = await executor.submit([{"command": HOSTILE[name].argv(lifetime_s=60)}])
    await appeared(workspace / READY)

    try:
        await executor.cancel(submitted.id)
    except InvalidTransition:
        assert name == "stdout_holder"  # it ends by itself; only its child would stay
    ended = await executor.wait(submitted.id)

    wait_until_free(workspace / LIFELINE, within_s=1)
    if name != "stdout_holder":
        assert ended.state is TaskState.CANCELLED


async def test_cancelling_an_execution_cancels_what_has_not_started(
    executor: Executor, workspace: Path
) -> None:
    submitted = await executor.submit([{"command": READY_AND_HANG}, {"command": ["true"]}])
    await appeared(workspace / "ready")

    ended = await executor.cancel(submitted.id)

    assert [task.state for task in ended.tasks] == ["cancelled", "cancelled"]
    assert [task.record.attempts for task in ended.tasks] == [1, 0]
    with pytest.raises(InvalidTransition):
        await executor.cancel(submitted.id)


async def test_a_single_task_can_be_cancelled_by_number_or_name(
    executor: Executor, workspace: Path
) -> None:
    submitted = await executor.submit(
        [
            {"name": "hang", "command": READY_AND_HANG, "needs": []},
            {"name": "other", "command": Script().wait_for_file("go").argv(), "needs": []},
        ],
        stop_on_failure=False,
    )
    await appeared(workspace / "ready")

    await executor.cancel(f"{submitted.id}.hang")
    (workspace / "go").touch()
    ended = await executor.wait(submitted.id)

    assert [task.state for task in ended.tasks] == ["cancelled", "succeeded"]
    with pytest.raises(TaskNotFound):
        await executor.cancel(f"{submitted.id}.nobody")
    with pytest.raises(ExecutionNotFound):
        await executor.cancel("nothing")


async def test_a_paused_task_stands_still_until_it_is_resumed(
    executor: Executor, workspace: Path
) -> None:
    script = Script().touch("ready").wait_for_file("go").touch("went-on")
    submitted = await executor.submit([{"command": script.argv()}])
    await appeared(workspace / "ready")

    paused = await executor.pause(submitted.id)
    assert paused.state is TaskState.PAUSED
    (workspace / "go").touch()
    for _ in range(20):
        await asyncio.sleep(0.005)
        assert not (workspace / "went-on").exists()
    resumed = await executor.resume(submitted.id)
    assert resumed.tasks[0].state in (TaskState.RUNNING, TaskState.SUCCEEDED)

    ended = await executor.wait(submitted.id)
    assert ended.ok
    assert (workspace / "went-on").exists()
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.executed is not None
    assert outcome.executed.paused_s > 0


async def test_another_engine_sees_and_controls_what_this_one_runs(
    executor: Executor, config: CCExecutorConfig, workspace: Path
) -> None:
    submitted = await executor.submit([{"command": READY_AND_HANG}])
    await appeared(workspace / "ready")

    async with Executor(config) as other:
        assert (await other.pause(submitted.id)).state is TaskState.PAUSED
        assert (await other.resume(submitted.id)).state is TaskState.RUNNING
        ended = await other.cancel(submitted.id)

    assert ended.state is TaskState.CANCELLED
    assert (await executor.get(submitted.id)).state is TaskState.CANCELLED
    wait_until_free(workspace / "lifeline", within_s=1)


async def test_a_cancelled_caller_cancels_its_execution(
    executor: Executor, workspace: Path
) -> None:
    running = asyncio.create_task(executor.run([{"command": READY_AND_HANG}]))
    await appeared(workspace / "ready")

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    wait_until_free(workspace / "lifeline", within_s=1)
    (record,) = await executor.list()
    assert record.state is TaskState.CANCELLED


async def test_leaving_the_executor_cancels_what_lives_in_it(
    config: CCExecutorConfig, workspace: Path
) -> None:
    async with Executor(config) as executor:
        submitted = await executor.submit([{"command": READY_AND_HANG}])
        await appeared(workspace / "ready")

    wait_until_free(workspace / "lifeline", within_s=1)
    async with Executor(config) as executor:
        (task,) = (await executor.get(submitted.id)).tasks
        assert task.outcome is not None
        assert task.outcome.failure is Failure.CANCELLED


@pytest.mark.parametrize(
    ("fields", "script", "timer"),
    [
        ({"timeout": 0.3}, Script().lifeline("lifeline").hang(), "total"),
        ({"start_timeout_s": 0.3}, Script().lifeline("lifeline").hang(), "start"),
        ({"idle_timeout_s": 0.3}, Script().lifeline("lifeline").line("x").hang(), "idle"),
    ],
)
async def test_a_timer_ends_the_whole_tree_and_says_which_it_was(
    fields: dict[str, float], script: Script, timer: str, executor: Executor, workspace: Path
) -> None:
    ended = await executor.run([{"command": script.argv(), **fields}])

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert (ended.state, outcome.failure, outcome.detail) == ("timed_out", "timed_out", timer)
    wait_until_free(workspace / "lifeline", within_s=1)
