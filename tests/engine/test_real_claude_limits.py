"""The real Claude Code CLI at its usage limit: the list waits, and goes on in order."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.client.remote.client import Client
from cc_executor.model.failures import Failure
from cc_executor.model.records import TaskRecord
from cc_executor.testing.claude_cli import bundled_claude, offline_environment
from cc_executor.testing.model_api import ModelApi, Scenario, Turn, refuse, say, usage_limit, use
from tests.server.process import ServerProcess

pytestmark = pytest.mark.real_cli


def subscriber(folder: Path, model: ModelApi) -> Mapping[str, str]:
    """Return the environment of somebody with a subscription, who has usage windows."""
    environ = offline_environment(folder / "home", model.base_url)
    del environ["ANTHROPIC_API_KEY"]
    return {**environ, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-scripted"}


def note(number: int) -> Turn:
    return use("Bash", command=f"echo {number} >> done.txt", description="note it down")


async def test_a_task_at_its_usage_limit_waits_and_goes_on_in_its_session(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    config = CCExecutorConfig(
        home=tmp_path / "state",
        workspace=str(tmp_path / "workspace"),
        settings={"claude_bin": str(bundled_claude())},
    )
    resets_at = math.ceil(time.time()) + 5
    turns = (note(1), say("Done.").after(usage_limit(resets_at, times=1)))
    with ModelApi([Scenario("do it", turns)]) as model:
        async with Executor(config, environ=subscriber(tmp_path, model)) as executor:
            task = {"prompt": "do it", "park": True, "allowed_tools": ["Bash"]}
            ended = await executor.run([task])
            attempts = await executor.engine._world.store.attempts(ended.tasks[0].task_id)

    assert ended.ok, ended.to_json()
    limited, resumed = attempts
    assert limited.outcome is not None
    assert limited.outcome.failure is Failure.USAGE_LIMIT
    assert limited.outcome.limit_resets_at == resets_at
    assert resumed.created_at >= resets_at
    assert resumed.agent_session_id == limited.agent_session_id
    assert (tmp_path / "workspace" / "done.txt").read_text() == "1\n"
    costs = [one.outcome.cost_usd for one in attempts if one.outcome is not None]
    assert None not in costs
    assert ended.cost_usd == pytest.approx(sum(cost for cost in costs if cost is not None))


async def test_an_overloaded_model_api_is_asked_again_in_the_same_session(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    config = CCExecutorConfig(
        home=tmp_path / "state",
        workspace=str(tmp_path / "workspace"),
        settings={"claude_bin": str(bundled_claude())},
    )
    turns = (note(1), say("Done.").after(refuse(529, times=1)))
    with ModelApi([Scenario("do it", turns)]) as model:
        environ = {
            **offline_environment(tmp_path / "home", model.base_url),
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }
        async with Executor(config, environ=environ) as executor:
            retry = {"max": 2, "on": ["overloaded"], "base_s": 0.1, "jitter_s": 0}
            ended = await executor.run(
                [{"prompt": "do it", "retry": retry, "allowed_tools": ["Bash"]}]
            )
            store = executor.engine._world.store
            attempts = await store.attempts(ended.tasks[0].task_id)
            learned = await store.observations("claude", limit=10)

    assert ended.ok, ended.to_json()
    assert len({one.agent_session_id for one in attempts}) == 1
    assert len(attempts) == 2
    # The second one only did the rest: how long the whole takes, it does not say.
    assert [one.ending for one in learned] == ["failed"]
    assert (tmp_path / "workspace" / "done.txt").read_text() == "1\n"


async def test_five_tasks_survive_a_usage_limit_and_two_restarts_of_the_server(
    tmp_path: Path,
) -> None:
    window_s = 12
    server = ServerProcess(tmp_path)
    resets_at = math.ceil(time.time()) + window_s + 6  # the tasks before it, on a busy machine
    limit = usage_limit(resets_at, times=1)
    scenarios = [
        Scenario(f"piece {n}", (note(n), say(f"{n}.").after(limit) if n == 2 else say(f"{n}.")))
        for n in range(1, 6)
    ]
    with ModelApi(scenarios) as model:
        server.environ |= {
            **subscriber(tmp_path, model),
            "CC_EXECUTOR_CLAUDE_BIN": str(bundled_claude()),
        }
        tasks = [{"prompt": f"piece {n}", "allowed_tools": ["Bash"]} for n in range(1, 6)]
        try:
            server.start()
            async with server.client() as client:
                submitted = await client.submit(
                    {"tasks": tasks, "park": True}, workspace=server.workspace
                )
                before = await until_waiting(client, submitted.id)
                told = (await client.status()).usage_windows
            server.kill()
            server.start()
            async with server.client() as client:
                after_kill = await until_waiting(client, submitted.id)
            server.stop()
            server.start()
            async with server.client() as client:
                ended = await client.wait(submitted.id)
        finally:
            server.close()

    assert ended.ok, ended.to_json()
    rejected = [one for one in told if one.status == "rejected"]
    assert [(one.name, one.resets_at) for one in rejected] == [("five_hour", resets_at)]
    assert before.waiting == after_kill.waiting  # it did not begin to wait anew
    assert (server.workspace / "done.txt").read_text() == "1\n2\n3\n4\n5\n"
    assert [task.record.attempts for task in ended.tasks] == [1, 2, 1, 1, 1]
    assert ended.tasks[2].record.started_at is not None
    assert ended.tasks[2].record.started_at >= resets_at


async def until_waiting(client: Client, execution_id: str) -> TaskRecord:
    async with asyncio.timeout(60):
        while True:
            found = (await client.get(execution_id)).tasks[1].record
            if found.waiting is not None:
                return found
            assert found.ended_at is None, found
            await asyncio.sleep(0.05)
