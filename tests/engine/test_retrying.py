"""How long a task waits before it is tried again, and what survives the death of its engine."""

from __future__ import annotations

import asyncio
import time

import pytest

from cc_executor.client.executor import Executor
from cc_executor.engine.retrying import retrying, until_then
from cc_executor.engine.submit import check, records
from cc_executor.model.events import Lifecycle
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import Move, TaskState
from cc_executor.model.outcomes import EndedBy, Executed, Outcome
from cc_executor.model.records import (
    AttemptEnded,
    AttemptStarting,
    Host,
    TaskMoved,
    TaskWaiting,
    Waiting,
)
from cc_executor.model.retries import Next, Why
from cc_executor.model.specs import RetryPolicy, TaskSpec
from cc_executor.testing.scripted_agent import Script
from tests.engine.conftest import InstallClaude

OVERLOADED = Outcome(
    state=TaskState.FAILED,
    failure=Failure.OVERLOADED,
    executed=Executed(ended_by=EndedBy.EXIT, exit_code=1),
)


def delay_s(policy: RetryPolicy, number: int, *, retry_after_s: float | None = None) -> float:
    last = Outcome(
        state=TaskState.FAILED,
        failure=Failure.OVERLOADED,
        executed=OVERLOADED.executed,
        retry_after_s=retry_after_s,
    )
    following = Next(Why.RETRY, number=number, of=9)
    return retrying(TaskSpec(retry=policy), last, following).delay_s


def test_delays_double_up_to_their_bound() -> None:
    policy = RetryPolicy(base_s=2.0, max_s=10.0, jitter_s=0.0)
    assert [delay_s(policy, number) for number in (1, 2, 3, 4, 90)] == [2, 4, 8, 10, 10]


def test_what_is_added_at_random_has_a_bound_and_differs() -> None:
    policy = RetryPolicy(base_s=2.0, max_s=60.0, jitter_s=1.0)
    delays = {delay_s(policy, 1) for _ in range(50)}
    assert len(delays) > 1
    assert all(2.0 <= one <= 3.0 for one in delays)
    assert max(delay_s(policy, 30) for _ in range(50)) <= 60.0


def test_what_the_model_api_asks_for_is_waited_for() -> None:
    policy = RetryPolicy(base_s=2.0, max_s=10.0, jitter_s=0.0)
    assert delay_s(policy, 1, retry_after_s=120.0) == 120.0
    assert delay_s(policy, 3, retry_after_s=1.0) == 8.0


def test_a_repair_and_a_window_have_no_delay_of_ours() -> None:
    for why in (Why.REPAIR, Why.WINDOW, Why.ANEW):
        following = Next(why)
        how = retrying(TaskSpec(retries=1), OVERLOADED, following)
        assert how.delay_s == 0
        assert until_then(how, following, 0.0) is None


async def test_a_retry_says_why_and_how_and_is_counted(claude: InstallClaude) -> None:
    config = claude(Script().claude_init().claude_result(is_error=True, text="API Error: 529"))
    retry = {"max": 2, "base_s": 0.01, "jitter_s": 0.0}
    async with Executor(config) as executor:
        ended = await executor.run([{"prompt": "x", "retry": retry}])
        told = [
            event
            async for event in executor.stream(ended.id)
            if isinstance(event, Lifecycle) and event.kind in ("task.retried", "task.waiting")
        ]
        attempts = await executor.engine._world.store.attempts(ended.tasks[0].task_id)
    assert len(attempts) == 3
    costs = [one.outcome.cost_usd for one in attempts if one.outcome is not None]
    assert None not in costs
    assert ended.cost_usd == pytest.approx(sum(cost for cost in costs if cost is not None))
    assert (ended.cost_usd or 0.0) > (costs[-1] or 0.0)
    assert [event.kind for event in told] == ["task.retried", "task.waiting"] * 2
    retried = told[0].data
    assert (retried["number"], retried["of"], retried["delay_s"]) == (1, 2, 0.01)
    assert retried["reason"] == ended.to_json()["tasks"][0]["failure"]
    assert retried["by"] in ("resume", "fresh")
    assert told[1].data["reason"] == "retry"


async def test_a_task_between_two_attempts_can_be_paused_and_cancelled(
    claude: InstallClaude,
) -> None:
    config = claude(Script().claude_init().claude_result(is_error=True, text="API Error: 529"))
    async with Executor(config) as executor:
        retry = {"max": 1, "base_s": 3_600, "max_s": 3_600}
        submitted = await executor.submit([{"prompt": "x", "retry": retry}])
        async with asyncio.timeout(20):
            while (await executor.get(submitted.id)).tasks[0].record.waiting is None:
                await asyncio.sleep(0.01)
        paused = await executor.pause(submitted.id)
        assert paused.tasks[0].state is TaskState.PAUSED
        ended = await executor.cancel(submitted.id)
    assert ended.tasks[0].state is TaskState.CANCELLED
    assert ended.tasks[0].record.attempts == 1


@pytest.mark.parametrize("left_s", [0.0, 0.3])
async def test_a_wait_goes_on_where_a_dead_engine_left_it_and_the_count_stays(
    executor: Executor, left_s: float
) -> None:
    world = executor.engine._world
    retry = {"max": 1, "base_s": 3_600, "max_s": 3_600}
    checked = check(world, executor.task_list([{"command": ["false"], "retry": retry}]))
    execution, tasks = records(world, checked, host=Host.DETACHED, owner="dead")
    now, ident = time.time(), tasks[0].id
    waits = Waiting("retry", now - 3_600, now + left_s, "retry 1 of 1")
    await world.store.create(
        execution,
        tasks,
        TaskMoved(task_id=ident, move=Move.START, at=now),
        AttemptStarting(task_id=ident, number=1, agent="command", at=now),
        AttemptEnded(task_id=ident, number=1, at=now, outcome=OVERLOADED),
        TaskMoved(task_id=ident, move=Move.RETRY, at=now),
        TaskWaiting(task_id=ident, at=now, waiting=waits),
    )

    assert await executor.engine.adopt(execution.id)
    async with asyncio.timeout(20):  # not an hour
        ended = await executor.wait(execution.id)

    assert ended.tasks[0].record.attempts == 2
    attempts = await world.store.attempts(ident)
    assert attempts[1].created_at >= now + left_s
    assert ended.tasks[0].record.waiting is None
