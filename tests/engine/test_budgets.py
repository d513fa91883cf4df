"""Money: what is spent, by whom, and what happens when it is gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.engine.submit import records
from cc_executor.model.budgets import Account, Amounts, Ask, Caps
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import Move
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import Host, Lease, TaskMoved
from cc_executor.model.results import ExecutionResult
from cc_executor.testing.scripted_agent import Script
from tests.engine.conftest import InstallClaude

INIT = Script().claude_init()
CHEAP = INIT.claude_result(total_cost_usd=0.25)


def ended_with(result: ExecutionResult) -> list[tuple[str, str | None, str | None]]:
    """Return the state, failure and detail of each task."""
    return [
        (task.state, outcome.failure, outcome.detail)
        for task in result.tasks
        if (outcome := task.outcome) is not None
    ]


async def account(executor: Executor, name: str) -> Account:
    (found,) = await executor.engine._world.store.accounts([name])
    return found


def with_settings(config: CCExecutorConfig, **settings: str) -> CCExecutorConfig:
    return msgspec.structs.replace(config, settings={**config.settings, **settings})


async def test_a_list_ends_when_its_money_is_gone_and_the_rest_is_skipped(
    claude: InstallClaude,
) -> None:
    async with Executor(claude(CHEAP)) as executor:
        ended = await executor.run(
            {"budget": {"usd": 0.5}, "tasks": ["one", "two", "three", "four"]}
        )
        assert ended_with(ended) == [
            ("succeeded", None, None),
            ("succeeded", None, None),
            ("failed", "budget", "list.usd"),
            ("skipped", "upstream_failed", None),
        ]
        spent = await account(executor, f"list:{ended.id}")
        assert spent.spent.micro_usd == 500_000
        assert (spent.holders, spent.reserved) == (0, Amounts())


async def test_an_agent_is_told_what_is_left(claude: InstallClaude) -> None:
    tells = INIT.report().claude_result(total_cost_usd=0.25, num_turns=2)
    async with Executor(claude(tells)) as executor:
        ended = await executor.run(
            {
                "budget": {"usd": 1, "turns": 9},
                "tasks": ["one", {"prompt": "two", "agent_args": ["--max-budget-usd=0.1"]}],
            }
        )
        told = [await arguments(executor, task.task_id) for task in ended.tasks]
    assert [one["--max-budget-usd"] for one in told] == ["1.000000", "0.100000"]
    assert [one["--max-turns"] for one in told] == ["9", "7"]


async def arguments(executor: Executor, task_id: str) -> Mapping[str, str]:
    """Return the options that the scripted agent of a task's first attempt has reported."""
    journal = executor.engine.journals.open(f"{task_id}.1")
    assert journal is not None
    output = b"".join(chunk.data for chunk in journal.read(after_seq=-1, max_bytes=1 << 20))
    journal.close()
    reports: list[dict[str, Any]] = [
        value for line in output.splitlines() if "argv" in (value := json.loads(line))
    ]
    return dict(one.partition("=")[::2] for one in reports[0]["argv"])


async def test_an_agent_that_ends_by_itself_names_the_budget_that_it_used_up(
    claude: InstallClaude,
) -> None:
    broke = INIT.claude_result(
        None,
        subtype="error_max_budget_usd",
        is_error=True,
        terminal_reason="budget_exhausted",
        total_cost_usd=0.3,
    ).exit(1)
    async with Executor(claude(broke)) as executor:
        ended = await executor.run([{"prompt": "one", "budget": {"usd": 0.25}}])
    assert ended_with(ended) == [("failed", "budget", "task.usd")]


async def test_an_agent_that_uses_too_many_tokens_is_asked_to_end_and_its_work_is_kept(
    claude: InstallClaude, workspace: Path
) -> None:
    chatty = INIT.write_file("work", "done so far").claude_text("1").claude_text("2").hang()
    async with Executor(claude(CHEAP, {"one": chatty})) as executor:
        ended = await executor.run([{"prompt": "one", "budget": {"tokens": 1_500}}])
        spent = await account(executor, f"task:{ended.tasks[0].task_id}")
    assert ended_with(ended) == [("failed", "budget", "task.tokens")]
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.executed is not None
    assert (outcome.executed.ended_by, outcome.executed.rung) == ("budget", "terminate")
    assert outcome.cost_usd is None
    assert outcome.usage is None
    assert outcome.changes.created == ("work",)
    assert (workspace / "work").read_text() == "done so far"
    assert spent.spent.tokens == 2_002  # what was seen; that there may be more, is said
    assert spent.unknown == Amounts(0, 1, 0, 0)


async def test_minutes_are_those_in_which_something_ran(claude: InstallClaude) -> None:
    async with Executor(claude(CHEAP, {"one": INIT.hang()})) as executor:
        ended = await executor.run({"budget": {"minutes": 0.005}, "tasks": ["one", "two"]})
    assert ended_with(ended) == [
        ("failed", "budget", "list.minutes"),
        ("skipped", "upstream_failed", None),
    ]


async def test_a_timeout_of_the_task_is_not_its_budget(claude: InstallClaude) -> None:
    async with Executor(claude(CHEAP, {"one": INIT.hang()})) as executor:
        ended = await executor.run(
            {"budget": {"minutes": 5}, "tasks": [{"prompt": "one", "timeout": 0.2}]}
        )
    assert ended_with(ended) == [("timed_out", "timed_out", "total")]


@pytest.mark.parametrize(
    ("unknown_cost", "second"),
    [("allow", ("succeeded", None, None)), ("block", ("failed", "budget", "list.unknown"))],
)
async def test_unknown_cost_is_counted_and_blocks_only_when_told_to(
    claude: InstallClaude, unknown_cost: str, second: tuple[str, str | None, str | None]
) -> None:
    unknown = INIT.claude_result(total_cost_usd=None)
    async with Executor(claude(unknown)) as executor:
        ended = await executor.run(
            {"budget": {"usd": 1, "unknown_cost": unknown_cost}, "tasks": ["one", "two"]}
        )
        spent = await account(executor, f"list:{ended.id}")
    assert ended_with(ended)[1] == second
    assert spent.spent.micro_usd == 0
    assert spent.unknown.micro_usd == (2 if unknown_cost == "allow" else 1)


async def test_programs_cost_nothing_and_nothing_about_them_is_unknown(executor: Executor) -> None:
    ended = await executor.run(
        {
            "budget": {"usd": 1, "minutes": 5, "unknown_cost": "block"},
            "tasks": [{"command": ["true"]}, {"command": ["true"]}],
        }
    )
    assert ended.ok, ended.to_json()
    spent = await account(executor, f"list:{ended.id}")
    assert spent.unknown == Amounts()
    assert spent.spent.ms > 0


async def test_failed_attempts_count(claude: InstallClaude) -> None:
    fails = INIT.claude_result(
        "no", is_error=True, terminal_reason="api_error", total_cost_usd=0.25
    ).exit(1)
    async with Executor(claude(fails)) as executor:
        ended = await executor.run(
            {"budget": {"usd": 0.5}, "tasks": [{"prompt": "one", "retries": 5}]}
        )
    assert ended_with(ended) == [("failed", "budget", "list.usd")]
    assert ended.tasks[0].record.attempts == 2


async def test_a_workspace_has_a_budget_for_all_lists_and_continue_works_when_it_is_raised(
    claude: InstallClaude, workspace: Path
) -> None:
    config = claude(CHEAP)
    small = with_settings(config, budget_workspace_usd="0.25")
    async with Executor(small) as executor:
        assert (await executor.run(["one"])).ok
        refused = await executor.run(["two"])
        assert ended_with(refused) == [("failed", "budget", "workspace.usd")]
        assert refused.tasks[0].record.attempts == 0
    async with Executor(with_settings(config, budget_workspace_usd="1")) as executor:
        again = await executor.continue_(refused.id)
        assert (await executor.wait(again.id)).ok
        spent = await account(executor, f"workspace:{workspace.resolve()}")
        assert spent.spent.micro_usd == 500_000


async def test_a_day_has_a_budget_for_everybody(claude: InstallClaude) -> None:
    config = with_settings(claude(CHEAP), budget_day_turns="1")
    async with Executor(config) as executor:
        ended = await executor.run(["one", "two"])
    assert [one[2] for one in ended_with(ended)] == [None, "day.turns"]


# --- crashes -----------------------------------------------------------------------------------------


async def test_what_was_held_for_an_attempt_that_never_began_is_given_back(
    config: CCExecutorConfig, executor: Executor
) -> None:
    """The caller died between the reservation and the record of the attempt."""
    world = executor.engine._world
    task_list = executor.task_list({"budget": {"minutes": 5}, "tasks": [{"command": ["true"]}]})
    execution, tasks = records(world, task_list, host=Host.IN_PROCESS, execution_id=None)
    await world.store.create(execution, tasks)
    await world.store.take(execution.id, "dead")
    name = f"list:{execution.id}"
    await world.store.reserve(f"{execution.id}.1.1", [Ask(name, Caps(ms=300_000))])
    assert (await account(executor, name)).holders == 1

    async with Executor(config) as next_one:
        ended = await next_one.wait(execution.id)
        assert ended_with(ended) == [("skipped", "upstream_failed", None)]
        assert await account(next_one, name) == Account(name=name)


async def test_an_attempt_that_comes_again_takes_what_was_held_for_it(executor: Executor) -> None:
    """A detached engine died between the reservation and the record of the attempt."""
    world = executor.engine._world
    task_list = executor.task_list({"budget": {"minutes": 5}, "tasks": [{"command": ["true"]}]})
    execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
    name = f"list:{execution.id}"
    await world.store.reserve(f"{execution.id}.1.1", [Ask(name, Caps(ms=300_000))])

    await executor.engine.adopt(execution.id)
    ended = await executor.wait(execution.id)
    assert ended.ok, ended.to_json()
    spent = await account(executor, name)
    assert (spent.holders, spent.reserved) == (0, Amounts())
    assert 0 < spent.spent.ms < 300_000


async def test_money_that_a_dead_caller_holds_comes_back_to_those_who_wait_for_it(
    config: CCExecutorConfig,
) -> None:
    async with Executor(with_settings(config, budget_workspace_minutes="5")) as executor:
        world = executor.engine._world
        task_list = executor.task_list([{"command": ["true"]}])
        execution, tasks = records(world, task_list, host=Host.IN_PROCESS, execution_id=None)
        await world.store.create(execution, tasks)
        lease = await world.store.take(execution.id, "dead")
        name = f"workspace:{Path(config.workspace or '').resolve()}"
        await world.store.reserve(f"{execution.id}.1.1", [Ask(name, Caps(ms=300_000))])

        async with asyncio.timeout(60):
            ended = await executor.run([{"command": ["true"]}])
        assert ended.ok, ended.to_json()
        await never_moves(executor, lease)


async def never_moves(executor: Executor, lease: Lease) -> None:
    """Check that the dead caller's execution was ended, not carried on."""
    tasks = await executor.engine._world.store.tasks(lease.execution_id)
    assert [(task.state, task.attempts) for task in tasks] == [("skipped", 0)]


async def test_the_end_of_a_task_and_its_price_are_one_record(executor: Executor) -> None:
    world = executor.engine._world
    task_list = executor.task_list(["one"])
    execution, tasks = records(world, task_list, host=Host.DETACHED, execution_id=None)
    await world.store.create(execution, tasks)
    lease = await world.store.take(execution.id, "somebody")
    await world.store.reserve(f"{tasks[0].id}.1", [Ask("day:x", Caps(100))])
    failed = Outcome(state=tasks[0].state.FAILED, failure=Failure.BUDGET)
    move = TaskMoved(task_id=tasks[0].id, move=Move.FAIL, at=1.0, outcome=failed)
    await world.store.record(lease, move)
    assert await account(executor, "day:x") == Account(name="day:x")


# --- how it is shown ---------------------------------------------------------------------------------


async def test_a_budget_is_shown_with_what_is_spent_and_reserved(
    claude: InstallClaude, workspace: Path
) -> None:
    waits = INIT.touch("ready").wait_for_file("go").claude_result(total_cost_usd=0.25)
    async with Executor(claude(CHEAP, {"two": waits})) as executor:
        started = await executor.submit(
            {"budget": {"usd": 2, "turns": 9}, "tasks": ["one", {"prompt": "two"}]}
        )
        await appeared(workspace / "ready")
        running = (await executor.get(started.id)).to_json()["budget"]
        (workspace / "go").touch()
        ended = (await executor.wait(started.id)).to_json()["budget"]
    assert running == {
        "account": f"list:{started.id}",
        "limit": {"usd": 2.0, "turns": 9, "unknown_cost": "allow"},
        "reserved": {"usd": 1.75, "turns": 8},
        "spent": {**running["spent"], "usd": 0.25, "tokens": 1050, "turns": 1},
        "unknown": 0,
    }
    assert ended["reserved"] == {"usd": 0, "turns": 0}
    assert (ended["spent"]["usd"], ended["spent"]["turns"]) == (0.5, 2)


async def appeared(path: Path) -> None:
    async with asyncio.timeout(20):
        while not path.exists():
            await asyncio.sleep(0.005)
