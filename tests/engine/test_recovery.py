"""What is left when an engine dies, and what the next one makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.engine.submit import check, records
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import Move, TaskState
from cc_executor.model.records import AttemptStarting, Host, Lease, TaskMoved
from cc_executor.testing.lifeline import wait_until_free
from cc_executor.testing.scripted_agent import Script

HANG = Script().lifeline("lifeline").touch("ready").hang().argv(lifetime_s=60)
WAIT_FOR_GO = Script().lifeline("lifeline").touch("ready").wait_for_file("go").line("went").argv()

CALLER = """
import asyncio, json, sys
from cc_executor import CCExecutorConfig, Executor

async def main():
    home, workspace, tasks = sys.argv[1:]
    async with Executor(CCExecutorConfig(home=home)) as executor:
        await executor.run(json.loads(tasks), workspace=workspace)

asyncio.run(main())
"""


async def appeared(path: Path) -> None:
    async with asyncio.timeout(20):
        while not path.exists():
            await asyncio.sleep(0.005)


async def test_an_agent_dies_with_its_caller_and_the_rest_waits_for_continue(
    config: CCExecutorConfig, home: Path, workspace: Path
) -> None:
    import json

    tasks = json.dumps([{"command": HANG}, {"command": ["true"]}])
    with subprocess.Popen(  # noqa: ASYNC220 - the caller that is going to be killed
        [sys.executable, "-c", CALLER, str(home), str(workspace), tasks]
    ) as caller:
        await appeared(workspace / "ready")
        caller.kill()

    wait_until_free(workspace / "lifeline")
    async with Executor(config) as executor:
        (record,) = await executor.list()
        ended = await executor.wait(record.id)
        hung, never = ended.tasks
        assert hung.outcome is not None
        assert hung.outcome.failure is Failure.ABANDONED
        assert never.state is TaskState.SKIPPED
        assert ended.is_final


async def test_a_detached_engine_that_was_killed_costs_nothing(
    executor: Executor, workspace: Path
) -> None:
    task_list = executor.task_list([{"command": WAIT_FOR_GO}, {"command": ["echo", "second"]}])
    execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
    pid = await executor.engine.detach(execution.id)
    await appeared(workspace / "ready")

    os.kill(pid, signal.SIGKILL)
    async with Executor(executor._config):  # any later command or engine adopts
        (workspace / "go").touch()
        async with asyncio.timeout(30):
            ended = await executor.wait(execution.id, cancel_with_caller=False)

    assert ended.ok, ended.to_json()
    assert [task.record.attempts for task in ended.tasks] == [1, 1]
    assert ended.tasks[0].result == "went\n"


async def test_an_attempt_whose_workspace_is_gone_is_ended_not_left_for_ever(
    config: CCExecutorConfig, executor: Executor, workspace: Path
) -> None:
    task_list = executor.task_list([{"command": WAIT_FOR_GO}])
    execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
    pid = await executor.engine.detach(execution.id)
    await appeared(workspace / "ready")
    os.kill(pid, signal.SIGKILL)
    workspace.rename(workspace.with_name("elsewhere"))

    async with Executor(config) as next_one, asyncio.timeout(30):
        ended = await next_one.wait(execution.id, cancel_with_caller=False)

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.failure is Failure.LOST
    assert "does not exist" in (outcome.message or "")
    wait_until_free(workspace.with_name("elsewhere") / "lifeline")


async def test_an_attempt_that_was_never_started_is_started_once_by_the_next_engine(
    executor: Executor, workspace: Path
) -> None:
    world = executor.engine._world
    code = "open('starts', 'a').write('x')"
    command = [sys.executable, "-I", "-S", "-c", code]
    checked = check(world, executor.task_list([{"command": command}]))
    execution, tasks = records(world, checked, host=Host.DETACHED, owner="dead")
    await world.store.create(execution, tasks)
    await world.store.record(
        Lease(execution.id, 1),
        TaskMoved(task_id=tasks[0].id, move=Move.START, at=1.0),
        AttemptStarting(task_id=tasks[0].id, number=1, agent="command", at=1.0),
    )  # and here its engine died

    assert await executor.engine.adopt(execution.id)
    ended = await executor.wait(execution.id)

    assert ended.ok, ended.to_json()
    assert ended.tasks[0].record.attempts == 2
    assert (workspace / "starts").read_text() == "x"


async def test_what_a_dead_caller_had_only_intended_is_not_started_any_more(
    config: CCExecutorConfig, executor: Executor
) -> None:
    world = executor.engine._world
    checked = check(world, executor.task_list([{"command": ["true"]}, {"command": ["true"]}]))
    execution, tasks = records(world, checked, host=Host.IN_PROCESS, owner="dead")
    await world.store.create(execution, tasks)
    await world.store.record(
        Lease(execution.id, 1),
        TaskMoved(task_id=tasks[0].id, move=Move.START, at=1.0),
        AttemptStarting(task_id=tasks[0].id, number=1, agent="command", at=1.0),
    )

    async with Executor(config) as later:
        ended = await later.wait(execution.id)

    assert [task.state for task in ended.tasks] == ["failed", "skipped"]
    assert ended.tasks[0].outcome is not None
    assert ended.tasks[0].outcome.failure is Failure.ABANDONED


async def test_a_killed_supervisor_is_a_lost_task_and_its_tree_is_gone(
    executor: Executor, workspace: Path
) -> None:
    submitted = await executor.submit([{"command": HANG}])
    await appeared(workspace / "ready")
    (attempt,) = await executor.engine._world.store.attempts(submitted.tasks[0].task_id)
    while attempt.pid is None:
        (attempt,) = await executor.engine._world.store.attempts(submitted.tasks[0].task_id)
    status = Path(f"/proc/{attempt.pid}/status").read_text()
    supervisor = next(int(line.split()[1]) for line in status.splitlines() if "PPid" in line)

    os.kill(supervisor, signal.SIGKILL)
    ended = await executor.wait(submitted.id)

    wait_until_free(workspace / "lifeline", within_s=1)
    assert ended.state is TaskState.LOST


async def test_a_cancel_recorded_while_nobody_listened_is_obeyed_by_the_next_engine(
    executor: Executor, workspace: Path
) -> None:
    task_list = executor.task_list([{"command": HANG}, {"command": ["true"]}])
    execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
    pid = await executor.engine.detach(execution.id)
    await appeared(workspace / "ready")
    os.kill(pid, signal.SIGKILL)

    ended = await executor.cancel(execution.id)

    assert [task.state for task in ended.tasks] == ["cancelled", "cancelled"]
    wait_until_free(workspace / "lifeline", within_s=1)
