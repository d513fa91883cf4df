"""Forecasts in the product: what was run is learned, and `timeout: auto` comes from it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.errors import ExecutionNotFound, InvalidSpec, UnknownAgent
from cc_executor.journal.home import StateDirectory
from cc_executor.model.events import Lifecycle
from cc_executor.model.forecasts import Observation
from cc_executor.model.records import Host
from cc_executor.store.sqlite import SqliteStore
from cc_executor.testing.lifeline import wait_until_free
from cc_executor.testing.scripted_agent import Script
from tests.engine.conftest import InstallClaude
from tests.engine.test_recovery import CALLER, WAIT_FOR_GO, appeared

QUICK = {"command": Script().line("done").argv()}
CAP_S = 14_400.0
RUNS = 12


async def observed(home: Path, agent: str = "command") -> tuple[Observation, ...]:
    store = await SqliteStore.open(StateDirectory(home).database)
    try:
        return await store.observations(agent, limit=100)
    finally:
        await store.aclose()


async def test_a_command_that_ran_often_is_forecast_from_its_history(
    executor: Executor, home: Path
) -> None:
    before = await executor.forecast([QUICK])
    for _ in range(RUNS):
        assert (await executor.run([QUICK])).ok

    after = await executor.forecast([QUICK])

    assert (before.forecast.method, before.forecast.observations) == ("formula", 0)
    took = sorted(one.duration_s for one in await observed(home))
    assert len(took) == RUNS
    band = after.forecast.duration_s
    assert after.forecast.method.startswith("history")
    assert after.forecast.observations >= RUNS
    assert band.p50 <= band.p90 <= band.p99 <= after.forecast.timeout_s <= CAP_S
    assert took[0] / 4 <= band.p50 <= took[-1] * 4
    assert band.p90 < 60  # not what was said before there was history


async def test_the_attempt_keeps_its_forecast_and_every_view_shows_it(executor: Executor) -> None:
    ended = await executor.run([QUICK])

    [task] = ended.tasks
    assert task.record.forecast is not None
    assert task.record.forecast.method == "formula"
    assert task.to_json()["forecast"]["observations"] == 0
    [starting] = [
        event
        async for event in executor.stream(ended.id)
        if isinstance(event, Lifecycle) and event.kind == "attempt.starting"
    ]
    assert starting.data["forecast"] == {
        name: value for name, value in task.to_json()["forecast"].items() if value is not None
    }
    assert starting.data["timeout_s"] == CAP_S  # a command without history: only the cap


async def test_failures_and_timeouts_are_not_learned_as_success(
    executor: Executor, home: Path
) -> None:
    gate = Script().wait_for_file("never").argv(lifetime_s=60)
    await executor.run([{"command": gate, "timeout": 0.2}])
    await executor.run([{"command": Script().exit(3).argv()}])
    await executor.run([{"command": ["true"], "checks": [["false"]]}])
    await executor.run([QUICK])

    endings = [one.ending for one in await observed(home)]
    assert endings == ["completed", "failed", "failed", "censored"]


async def test_what_is_learned_of_success_is_the_same_with_failures_in_between(
    config: CCExecutorConfig, workspace: Path
) -> None:
    """The same argv fails, hangs and succeeds: only the last counts for how long success takes."""
    code = (
        "import os, sys, time\n"
        "mode = open('mode').read()\n"
        "time.sleep(60 if mode == 'hang' else 0)\n"
        "sys.exit(3 if mode == 'fail' else 0)\n"
    )
    moody = {"command": [sys.executable, "-I", "-S", "-c", code]}
    async with Executor(config) as executor:
        for number in range(RUNS):
            (workspace / "mode").write_text("fail")
            assert not (await executor.run([moody])).ok
            if number in (2, 5):
                (workspace / "mode").write_text("hang")
                hung = await executor.run([{**moody, "timeout": 0.3}])
                assert hung.state == "timed_out"
            (workspace / "mode").write_text("good")
            assert (await executor.run([moody])).ok
        histories = await observed(executor.settings.home)
        band = (await executor.forecast([moody])).forecast.duration_s

    good = [one.duration_s for one in histories if one.ending == "completed"]
    assert len(good) == RUNS
    assert min(good) / 4 <= band.p50 <= max(good) * 4


async def test_an_agent_is_bounded_by_what_it_took_and_an_explicit_timeout_wins(
    claude: InstallClaude,
) -> None:
    script = Script().line("no result")
    async with Executor(claude(script)) as executor:
        auto = await executor.run([{"prompt": "Say hello."}])
        told = await executor.run([{"prompt": "Say hello.", "timeout": 7}])
        huge = await executor.run([{"prompt": "Say hello.", "timeout": 1e9}])
        bounds = [await timeout_of(executor, one.id) for one in (auto, told, huge)]

    made = auto.tasks[0].record.forecast
    assert made is not None
    assert bounds == [made.timeout_s, 7.0, CAP_S]
    assert 60 <= made.timeout_s < CAP_S  # base + k * tokens


async def timeout_of(executor: Executor, execution_id: str) -> float:
    async for event in executor.stream(execution_id):
        if isinstance(event, Lifecycle) and event.kind == "attempt.starting":
            return float(event.data["timeout_s"])
    raise AssertionError


async def test_an_adopted_attempt_is_observed_once_with_its_whole_duration(
    executor: Executor, home: Path, workspace: Path
) -> None:
    task_list = executor.task_list([{"command": WAIT_FOR_GO}])
    execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
    pid = await executor.engine.detach(execution.id)
    await appeared(workspace / "ready")
    os.kill(pid, signal.SIGKILL)

    async with asyncio.timeout(30):
        while not await executor.engine.adopt(execution.id):
            await asyncio.sleep(0.005)  # until its engine is really dead
        (workspace / "go").touch()
        ended = await executor.wait(execution.id, cancel_with_caller=False)

    assert ended.ok
    [one] = await observed(home)
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.executed is not None
    assert (one.ending, one.duration_s) == ("completed", outcome.executed.duration_s)
    assert ended.tasks[0].record.forecast is not None  # the one that it was started with
    assert executor.engine.foresight.tally.total() == 1


async def test_what_a_dead_caller_left_is_censored(
    config: CCExecutorConfig, home: Path, workspace: Path
) -> None:
    import json

    tasks = json.dumps([{"command": WAIT_FOR_GO}])
    with subprocess.Popen(  # noqa: ASYNC220 - the caller that is going to be killed
        [sys.executable, "-c", CALLER, str(home), str(workspace), tasks]
    ) as caller:
        await appeared(workspace / "ready")
        caller.kill()
    wait_until_free(workspace / "lifeline")
    async with Executor(config) as executor:
        (record,) = await executor.list()
        await executor.wait(record.id)

    [one] = await observed(home)
    assert one.ending == "censored"


# --- asking --------------------------------------------------------------------------------------


async def test_a_list_is_forecast_as_a_whole_and_task_by_task(executor: Executor) -> None:
    sequence = await executor.forecast([{"prompt": "a"}, {"prompt": "b"}, {"command": ["true"]}])
    side_by_side = await executor.forecast([{"prompt": "a"}, {"prompt": "b"}], sequential=False)

    assert [task.name for task in sequence.tasks] == ["task-1", "task-2", "task-3"]
    assert sequence.forecast.duration_s.p50 > sequence.tasks[2].forecast.duration_s.p50
    one = side_by_side.tasks[0].forecast.duration_s
    assert side_by_side.forecast.duration_s.p50 == pytest.approx(one.p50)
    assert await executor.list() == ()  # nothing was recorded


async def test_what_an_execution_has_left_shrinks_and_is_nothing_at_its_end(
    executor: Executor, workspace: Path
) -> None:
    running = await executor.submit([{"command": WAIT_FOR_GO}, {"command": ["true"]}])
    await appeared(workspace / "ready")

    left = await executor.forecast_left(running.id)
    (workspace / "go").touch()
    await executor.wait(running.id)
    nothing = await executor.forecast_left(running.id[:12])

    assert (left.execution_id, left.state) == (running.id, "running")
    at_work, waiting = left.tasks
    assert at_work.elapsed_s is not None
    assert (at_work.state, waiting.state, waiting.elapsed_s) == ("running", "queued", None)
    made = (await executor.get(running.id)).tasks[0].record.forecast
    assert made is not None
    assert at_work.forecast.duration_s.p99 <= made.duration_s.p99
    assert at_work.forecast.timeout_s <= made.timeout_s - at_work.elapsed_s + 1e-6
    assert (nothing.tasks, nothing.forecast.duration_s.p99) == ((), 0.0)
    assert nothing.state == "succeeded"


async def test_what_cannot_be_forecast_is_refused(executor: Executor) -> None:
    with pytest.raises(UnknownAgent):
        await executor.forecast([{"prompt": "x", "agent": "nobody"}])
    with pytest.raises(InvalidSpec):
        await executor.forecast([])
    with pytest.raises(InvalidSpec, match="kind"):
        await executor.forecast([{"prompt": "x", "kind": "two words"}])
    with pytest.raises(ExecutionNotFound):
        await executor.forecast_left("nothing")
