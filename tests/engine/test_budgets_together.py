"""Many lists, in several processes, on one small budget."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.model.budgets import Account
from cc_executor.model.records import Host
from cc_executor.testing.scripted_agent import Script
from tests.engine import spending_agent
from tests.engine.conftest import InstallClaude

BUDGET_USD = 10.0
PROCESSES = 5
LISTS_EACH = 10

CALLER = """
import asyncio, json, sys
from cc_executor import CCExecutorConfig, Executor

async def main():
    home, workspace, settings, lists = sys.argv[1:]
    config = CCExecutorConfig(home=home, workspace=workspace, settings=json.loads(settings))
    async with Executor(config) as executor:
        runs = await asyncio.gather(*(executor.run(["one", "two"]) for _ in range(int(lists))))
    print(json.dumps([[
        task.outcome.failure if task.outcome.failure == "upstream_failed" else task.outcome.detail
        for task in run.tasks
    ] for run in runs]))

asyncio.run(main())
"""


async def account(executor: Executor, name: str) -> Account:
    (found,) = await executor.engine._world.store.accounts([name])
    return found


async def test_fifty_lists_of_five_processes_overspend_by_one_turn_at_most(
    tmp_path: Path, home: Path, workspace: Path
) -> None:
    program = tmp_path / "claude"
    program.write_text(
        f"#!{sys.executable} -IS\n{Path(spending_agent.__file__).read_text()}", encoding="utf-8"
    )
    program.chmod(0o755)
    settings = {"claude_bin": str(program), "budget_workspace_usd": str(BUDGET_USD)}

    async with asyncio.timeout(150):
        answers = await asyncio.gather(*(call(home, workspace, settings) for _ in range(PROCESSES)))

    lists = [tasks for answer in answers for tasks in answer]
    spent_usd = sum(map(float, (tmp_path / "spent").read_text().split()))
    assert len(lists) == PROCESSES * LISTS_EACH
    assert {how for tasks in lists for how in tasks} == {None, "workspace.usd", "upstream_failed"}
    assert BUDGET_USD <= round(spent_usd, 6) <= BUDGET_USD + spending_agent.TURN_USD
    async with Executor(CCExecutorConfig(home=home, workspace=str(workspace))) as executor:
        booked = await account(executor, f"workspace:{workspace.resolve()}")
    assert booked.spent.micro_usd == round(spent_usd * 1_000_000)
    assert (booked.holders, *booked.reserved, *booked.unknown) == (0, *[0] * 8)


async def call(home: Path, workspace: Path, settings: dict[str, str]) -> list[list[str | None]]:
    """Run the lists of one process; return how each task ended."""
    arguments = (str(home), str(workspace), json.dumps(settings), str(LISTS_EACH))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CALLER, *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    answer: list[list[str | None]] = json.loads(said)
    return answer


async def test_an_attempt_whose_engine_was_killed_is_booked_once(
    claude: InstallClaude, workspace: Path
) -> None:
    init = Script().claude_init()
    waits = init.touch("ready").wait_for_file("go").claude_result(total_cost_usd=0.25)
    config = claude(init.claude_result(total_cost_usd=0.5), {"first": waits})
    async with Executor(config) as executor:
        task_list = executor.task_list({"budget": {"usd": 2}, "tasks": ["first", "second"]})
        execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
        pid = await executor.engine.detach(execution.id)
        async with asyncio.timeout(20):
            while not (workspace / "ready").exists():
                await asyncio.sleep(0.005)
        held = await account(executor, f"list:{execution.id}")
        os.kill(pid, signal.SIGKILL)
    assert (held.holders, held.reserved.micro_usd) == (1, 2_000_000)

    async with Executor(config) as executor, asyncio.timeout(60):
        (workspace / "go").touch()
        ended = await executor.wait(execution.id, cancel_with_caller=False)
        assert ended.ok, ended.to_json()
        booked = await account(executor, f"list:{execution.id}")
    assert (booked.holders, booked.reserved.micro_usd) == (0, 0)
    assert booked.spent.micro_usd == 750_000


async def test_an_agent_that_outlives_its_engine_is_still_held_to_its_budget(
    claude: InstallClaude, workspace: Path
) -> None:
    init = Script().claude_init()
    chatty = init.touch("ready").wait_for_file("go").claude_text("1").claude_text("2").hang()
    config = claude(init.claude_result(), {"first": chatty})
    async with Executor(config) as executor:
        task_list = executor.task_list({"budget": {"tokens": 1_500}, "tasks": ["first"]})
        execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
        pid = await executor.engine.detach(execution.id)
        async with asyncio.timeout(20):
            while not (workspace / "ready").exists():
                await asyncio.sleep(0.005)
        os.kill(pid, signal.SIGKILL)

    async with Executor(config) as executor, asyncio.timeout(60):
        (workspace / "go").touch()
        ended = await executor.wait(execution.id, cancel_with_caller=False)
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert (outcome.failure, outcome.detail) == ("budget", "list.tokens")
