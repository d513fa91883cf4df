"""P12, U1, U2: agents that are silent in good health live on, those that hang do not.

Scripted agents in the place of the Claude CLI, under real supervisors. All of them run at once, each
with the same short idle bound; what they do takes several times as long.
"""

from __future__ import annotations

import time

import msgspec
import pytest

from cc_executor.client.executor import Executor
from cc_executor.model.outcomes import EndedBy, Outcome
from cc_executor.testing.scripted_agent import Script
from tests.engine.conftest import InstallClaude

IDLE_S = 2.0
LONG_MS = 5000

INIT = Script().claude_init()
DONE = Script().claude_text("There.").claude_result("done")
TOOL = INIT.claude_tool("Bash", {"command": "make"})


def background(*task_ids: str) -> Script:
    tasks = [{"task_id": task_id} for task_id in task_ids]
    message = {"type": "system", "subtype": "background_tasks_changed", "tasks": tasks}
    return Script().claude_message(message)


def pings(count: int) -> Script:
    script = Script()
    for _ in range(count):
        script = script.claude_message({"type": "system", "subtype": "status"}).delay(100)
    return script


def retries(count: int, *, announced_ms: int, taken_ms: int) -> Script:
    script = Script()
    for attempt in range(1, count + 1):
        script = script.claude_retry(attempt=attempt, delay_ms=announced_ms).delay(taken_ms)
    return script


ASKS = {
    "type": "control_request",
    "request_id": "r1",
    "request": {"subtype": "can_use_tool", "tool_name": "Bash", "input": {}},
}

HEALTHY = {
    "a silent tool": TOOL.delay(LONG_MS).claude_tool_result().and_then(DONE),
    "a tool in the background": INIT.and_then(background("b1"))
    .claude_result("first")
    .delay(LONG_MS)
    .and_then(background())
    .claude_init()
    .claude_text("It ended.")
    .claude_result("done", more={"result_index": 1}),
    "retries that are announced": INIT.and_then(
        retries(5, announced_ms=1500, taken_ms=1500)
    ).and_then(DONE),
    "an approval that is pending": INIT.claude_message(ASKS).delay(LONG_MS).and_then(DONE),
    "work without words": INIT.spin(LONG_MS).and_then(DONE),
    "work of a child": INIT.child(Script().spin(LONG_MS), new_session=True)
    .delay(LONG_MS)
    .and_then(DONE),
}

HUNG = {
    "an agent that says no more": INIT.hang(),
    "an agent that hangs after its tool": TOOL.claude_tool_result().hang(),
    "pings for ever": INIT.and_then(pings(300)),
    "nothing but pings after a retry": INIT.claude_retry(delay_ms=1000).and_then(pings(300)),
    "a retry that never ends": INIT.claude_retry(delay_ms=500).hang(),
    "retries without end": INIT.and_then(retries(40, announced_ms=100, taken_ms=900)),
}


async def outcomes(
    install: InstallClaude, scripts: dict[str, Script], **fields: object
) -> dict[str, Outcome]:
    config = install(Script().exit(9), scripts)
    settings = {**config.settings, "max_concurrency": f"{len(scripts)}", "grace_s": "1"}
    config = msgspec.structs.replace(config, settings=settings)
    tasks = [{"prompt": name, "needs": [], **fields} for name in scripts]
    async with Executor(config) as executor:
        ended = await executor.run(tasks, stop_on_failure=False)
    found = {}
    for task in ended.tasks:
        assert task.record.spec.prompt is not None
        assert task.outcome is not None
        found[task.record.spec.prompt] = task.outcome
    return found


async def test_who_is_silent_in_good_health_lives_on(claude: InstallClaude) -> None:
    limited = INIT.claude_rate_limit(resets_at=int(time.time()) + 60)
    healthy = {**HEALTHY, "a limit that resets": limited.delay(LONG_MS).and_then(DONE)}

    found = await outcomes(claude, healthy, idle_timeout_s=IDLE_S)

    ends = {
        name: (outcome.failure, [timing.name for timing in outcome.timers if timing.expired])
        for name, outcome in found.items()
    }
    assert ends == dict.fromkeys(healthy, (None, []))


async def test_who_hangs_is_stopped_and_the_timers_say_so(claude: InstallClaude) -> None:
    limited = INIT.claude_rate_limit(resets_at=int(time.time()) - 60)
    hung = {**HUNG, "a limit that has been reset": limited.hang()}

    found = await outcomes(claude, hung, idle_timeout_s=IDLE_S)

    ends = {name: (outcome.failure, outcome.detail) for name, outcome in found.items()}
    assert ends == dict.fromkeys(hung, ("timed_out", "idle"))
    for outcome in found.values():
        [expired] = [timing for timing in outcome.timers if timing.expired]
        assert (expired.name, expired.bound_s) == ("idle", IDLE_S)
        assert expired.ran_s == pytest.approx(IDLE_S, rel=1)


async def test_an_excuse_for_ever_ends_with_the_time_of_the_task(claude: InstallClaude) -> None:
    found = await outcomes(
        claude, {"a tool that hangs": TOOL.hang()}, idle_timeout_s=0.3, timeout=2
    )

    [outcome] = found.values()
    assert (outcome.failure, outcome.detail) == ("timed_out", "total")


async def test_who_stays_after_its_result_has_succeeded(claude: InstallClaude) -> None:
    found = await outcomes(claude, {"a result, and then nothing": INIT.and_then(DONE).hang()})

    [outcome] = found.values()
    assert outcome.ok
    assert outcome.executed is not None
    assert outcome.executed.ended_by is EndedBy.GRACE
    assert [timing.name for timing in outcome.timers if timing.expired] == ["grace"]
