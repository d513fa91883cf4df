"""Who waits for a usage window, for how long, and what each engine knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cc_executor import wiring
from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.engine.windows import UsageWindows
from cc_executor.model.events import Lifecycle
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import Change, Lease, TaskWaiting
from cc_executor.model.results import ExecutionResult
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.scripted_agent import Script
from tests.engine.conftest import InstallClaude
from tests.engine.test_control import appeared

NOW = 2_000_000_000.0
DAY_S = 86_400.0
HIT = "hit the limit"
GOOD = Script().claude_init().claude_text("Done.").claude_result("Done.")


def at_the_limit(resets_at: float | None) -> Script:
    return (
        Script()
        .claude_init()
        .claude_rate_limit(resets_at=None if resets_at is None else int(resets_at))
        .claude_result("You've hit your 5-hour limit", is_error=True, api_error_status=429)
        .exit(1)
    )


class Watched(ManualClock):
    """Counts who looks at it."""

    looks = 0

    def now_s(self) -> float:
        self.looks += 1
        return super().now_s()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """The clock of every engine, which look at it all the time."""
    clock = Watched(NOW)
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    monkeypatch.setattr(wiring, "UsageWindows", partial(UsageWindows, look_s=0.01))
    return clock


@pytest.fixture
def config(claude: InstallClaude) -> CCExecutorConfig:
    return claude(GOOD, {HIT: at_the_limit(NOW + 3_600)})


@pytest.fixture
async def executor(config: CCExecutorConfig, clock: Watched) -> AsyncIterator[Executor]:
    assert clock.now_s() == NOW
    async with Executor(config) as opened:
        yield opened


async def submit(executor: Executor, prompt: str, **fields: Any) -> str:
    fields = {"park": True, **fields}
    return (await executor.submit([{"prompt": prompt, **fields}])).id


async def until_waiting(executor: Executor, execution_id: str) -> ExecutionResult:
    async with asyncio.timeout(20):
        while True:
            found = await executor.get(execution_id)
            if found.tasks[0].record.waiting is not None:
                return found
            assert not found.is_final, found.to_json()
            await asyncio.sleep(0.005)


async def looked(clock: Watched, *, times: int) -> None:
    """Return when somebody has asked for the time that often."""
    until = clock.looks + times
    async with asyncio.timeout(20):
        while clock.looks < until:
            await asyncio.sleep(0.005)


def outcome_of(ended: ExecutionResult) -> Outcome:
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    return outcome


async def test_every_task_of_a_login_that_parks_waits_for_its_window(
    executor: Executor, clock: Watched
) -> None:
    first = await submit(executor, HIT)
    found = await until_waiting(executor, first)
    waiting = found.tasks[0].record.waiting
    assert waiting is not None
    assert (waiting.reason, waiting.since) == ("usage_window", NOW)
    assert waiting.until is not None
    assert NOW + 3_600 <= waiting.until <= NOW + 3_660

    second = await submit(executor, "something else")
    found = await until_waiting(executor, second)
    assert found.tasks[0].record.attempts == 0
    careless = await executor.run([{"prompt": "without parking"}])
    assert careless.ok  # whoever does not park, is not held back

    clock.advance(3_599)
    await looked(clock, times=5)
    assert (await until_waiting(executor, first)).tasks[0].record.attempts == 1
    clock.advance(62)
    for execution_id, attempts in ((first, 2), (second, 1)):
        ended = await executor.wait(execution_id)
        assert ended.ok, ended.to_json()
        assert ended.tasks[0].record.attempts == attempts


async def test_lists_go_on_in_the_order_in_which_they_began_to_wait(
    executor: Executor, clock: Watched
) -> None:
    waiting = [await submit(executor, HIT)]
    await until_waiting(executor, waiting[0])
    for number in range(5):
        waiting.append(await submit(executor, f"list {number}"))
        await until_waiting(executor, waiting[-1])
    passed = watch_who_passes(executor)

    clock.advance(3_700)

    for one in waiting:
        assert (await executor.wait(one)).ok
    assert passed == waiting


def watch_who_passes(executor: Executor) -> list[str]:
    """Return a list that grows by each execution whose task stops waiting."""
    passed: list[str] = []
    store = executor.engine._world.store
    record = store.record

    async def watching(lease: Lease, *changes: Change) -> tuple[Lifecycle, ...]:
        passed.extend(
            lease.execution_id
            for change in changes
            if isinstance(change, TaskWaiting) and change.waiting is None
        )
        return await record(lease, *changes)

    store.record = watching  # type: ignore[method-assign]  # only until the test ends
    return passed


async def test_what_one_engine_learns_another_one_knows(
    executor: Executor, config: CCExecutorConfig, clock: Watched
) -> None:
    await until_waiting(executor, await submit(executor, HIT))
    async with Executor(config) as other:
        waits = await submit(other, "in another engine")
        assert (await until_waiting(other, waits)).tasks[0].record.attempts == 0
        clock.advance(3_700)
        assert (await other.wait(waits)).ok


async def test_a_window_that_is_open_again_before_its_time_lets_tasks_go_on(
    executor: Executor,
) -> None:
    waits = await submit(executor, HIT)
    await until_waiting(executor, waits)
    store = executor.engine._world.store
    (window,) = await store.usage_windows()

    await store.report_window(msgspec.structs.replace(window, status="allowed"))

    assert (await executor.wait(waits)).ok


async def test_a_clock_that_is_set_back_lengthens_the_wait_and_one_that_is_set_on_ends_it(
    executor: Executor, clock: Watched
) -> None:
    waits = await submit(executor, HIT)
    await until_waiting(executor, waits)
    clock.advance(-DAY_S)
    await looked(clock, times=5)
    assert (await until_waiting(executor, waits)).tasks[0].record.attempts == 1
    clock.advance(2 * DAY_S)
    assert (await executor.wait(waits)).ok


@pytest.mark.parametrize("resets_at", [None, NOW - 60, NOW + 30 * DAY_S])
async def test_without_a_time_that_can_be_true_nobody_waits(
    claude: InstallClaude, clock: Watched, resets_at: float | None
) -> None:
    async with Executor(claude(GOOD, {HIT: at_the_limit(resets_at)})) as executor:
        ended = await executor.run([{"prompt": HIT, "park": True}])
        assert outcome_of(ended).failure is Failure.USAGE_LIMIT
        assert outcome_of(ended).limit_resets_at is None
        assert ended.tasks[0].record.attempts == 1
        (window,) = await executor.engine._world.store.usage_windows()
        assert (window.status, window.resets_at, window.seen_at) == (
            "rejected",
            None,
            clock.now_s(),
        )
        assert (await executor.run([{"prompt": "the next one", "park": True}])).ok


async def test_who_does_not_park_fails_at_the_limit(executor: Executor) -> None:
    ended = await executor.run([{"prompt": HIT}])
    assert outcome_of(ended).failure is Failure.USAGE_LIMIT
    assert outcome_of(ended).limit_resets_at == NOW + 3_600


async def test_the_setting_parks_every_task_that_does_not_say(
    config: CCExecutorConfig, clock: Watched
) -> None:
    parked = CCExecutorConfig(
        home=config.home, workspace=config.workspace, settings={**config.settings, "park": "true"}
    )
    async with Executor(parked) as executor:
        waits = await submit(executor, HIT, park=None)
        await until_waiting(executor, waits)
        clock.advance(3_700)
        assert (await executor.wait(waits)).ok
        clock.advance(-3_700)


async def test_a_reset_that_is_too_far_away_is_not_waited_for(executor: Executor) -> None:
    await until_waiting(executor, await submit(executor, HIT))
    ended = await executor.run([{"prompt": "in a hurry", "park": {"max_hours": 0.5}}])
    assert ended.tasks[0].state is TaskState.FAILED
    assert ended.tasks[0].record.attempts == 0
    assert outcome_of(ended).failure is Failure.USAGE_LIMIT
    assert "0.5 hours" in (outcome_of(ended).message or "")


async def test_a_task_hits_its_limit_so_often_and_then_fails(
    claude: InstallClaude, clock: Watched
) -> None:
    always = at_the_limit(NOW + 10 * 3_600)
    async with Executor(claude(always)) as executor:
        waits = await submit(executor, HIT, park={"max_waits": 1})
        await until_waiting(executor, waits)
        store = executor.engine._world.store
        (window,) = await store.usage_windows()
        await store.report_window(msgspec.structs.replace(window, status="allowed"))
        ended = await executor.wait(waits)
    assert ended.tasks[0].record.attempts == 2
    assert outcome_of(ended).failure is Failure.USAGE_LIMIT
    assert clock.now_s() == NOW


async def test_on_what_little_is_left_tasks_run_one_after_the_other(
    claude: InstallClaude, clock: Watched, workspace: Path
) -> None:
    warned = (
        Script()
        .claude_init()
        .claude_rate_limit(status="allowed_warning", resets_at=int(NOW + 3_600), utilization=0.95)
        .claude_result("Done.")
    )
    slow = Script().claude_init().touch("ready").wait_for_file("go").and_then(GOOD)
    async with Executor(claude(GOOD, {"warned": warned, "slow": slow})) as executor:
        assert (await executor.run([{"prompt": "warned"}])).ok
        first = await submit(executor, "slow")
        await appeared(workspace / "ready")
        second = await submit(executor, "quick")
        found = await until_waiting(executor, second)
        waiting = found.tasks[0].record.waiting
        assert waiting is not None
        assert (waiting.reason, waiting.until) == ("pacing", NOW + 3_600)
        await looked(clock, times=10)
        assert (await executor.get(second)).tasks[0].record.attempts == 0

        (workspace / "go").touch()
        assert (await executor.wait(second)).ok
        assert (await executor.wait(first)).ok


async def test_a_new_window_ends_the_pacing_though_the_first_task_still_runs(
    claude: InstallClaude, clock: Watched, workspace: Path
) -> None:
    warned = (
        Script()
        .claude_init()
        .claude_rate_limit(status="allowed_warning", resets_at=int(NOW + 3_600), utilization=0.95)
        .touch("ready")
        .wait_for_file("go")
        .claude_result("Done.")
    )
    async with Executor(claude(GOOD, {"warned": warned})) as executor:
        assert (await executor.run([{"prompt": "warm up"}])).ok
        first = await submit(executor, "warned")
        await appeared(workspace / "ready")
        clock.advance(3_601)
        assert (await executor.run([{"prompt": "quick", "park": True}])).ok
        (workspace / "go").touch()
        assert (await executor.wait(first)).ok


async def test_a_parked_task_can_be_cancelled_and_nothing_of_it_runs(executor: Executor) -> None:
    waits = await submit(executor, HIT)
    await until_waiting(executor, waits)
    ended = await executor.cancel(waits)
    assert ended.tasks[0].state is TaskState.CANCELLED
    assert ended.tasks[0].record.attempts == 1


async def test_a_login_is_known_by_a_fingerprint_that_tells_nothing(
    executor: Executor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    await executor.run([{"prompt": HIT}])
    (window,) = await executor.engine._world.store.usage_windows()
    salt = (home / "salt").read_bytes()
    assert len(salt) == 32
    assert (home / "salt").stat().st_mode & 0o777 == 0o600
    assert len(window.credential) == 32
    int(window.credential, 16)
    assert wiring._fingerprint(salt, "a login") != wiring._fingerprint(b"another", "a login")
