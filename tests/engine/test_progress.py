"""How far an execution is, from wherever and whenever it is asked."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from cc_executor.client.executor import Executor
from cc_executor.engine.follow import Seen
from cc_executor.model.events import FromAgent, Lifecycle, StreamEvent, ToolCall
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.progress import ExecutionProgress, Progress
from cc_executor.testing.scripted_agent import Script
from tests.engine.conftest import InstallClaude

#: Works on a tool until it is told to end.
BUSY = (
    Script()
    .claude_init()
    .claude_text("I begin.")
    .claude_tool("Bash", {"command": "make test"}, tool_use_id="t1")
    .wait_for_file("end")
    .claude_tool_result("ok", tool_use_id="t1")
    .claude_text("Done.")
    .claude_result("Done.")
)


async def until_the_tool_runs(executor: Executor, execution_id: str) -> None:
    async with asyncio.timeout(20):
        async for event in executor.stream(execution_id):
            if isinstance(event, FromAgent) and isinstance(event.event, ToolCall):
                return


def timeless(progress: Progress) -> Progress:
    return msgspec.structs.replace(progress, elapsed_s=0.0, running_s=0.0)


async def test_another_process_sees_what_an_agent_does_that_it_has_not_followed(
    claude: InstallClaude, workspace: Path
) -> None:
    config = claude(BUSY)
    async with Executor(config) as executor, Executor(config) as other:
        submitted = await executor.submit([{"prompt": "x", "name": "api"}, {"prompt": "y"}])
        await until_the_tool_runs(executor, submitted.id)

        api, second = await other.progress(submitted.id[:-1])

        assert (api.name, api.state, api.attempt) == ("api", TaskState.RUNNING, 1)
        assert (api.tool, api.tool_input) == ("Bash", "make test")
        assert api.last_text == "I begin."
        assert api.turns >= 1
        assert api.tokens is not None
        assert api.cost_usd is None
        assert (second.state, second.events) == (TaskState.QUEUED, 0)
        (workspace / "end").touch()
        await executor.wait(submitted.id)


async def test_what_is_told_is_the_same_from_every_cursor(claude: InstallClaude) -> None:
    script = Script().claude_init().claude_text("Hello.").claude_result("Hello.")
    async with Executor(claude(script)) as executor:
        ended = await executor.run([{"prompt": "x"}, {"command": ["true"]}])
        whole = [event async for event in executor.stream(ended.id)]
        seen = ExecutionProgress(task.record for task in ended.tasks)
        for event in whole:
            seen.take(event)

        now = time.time()
        expected = seen.all(at=now)
        found = await executor.progress(ended.id)

        # What agents said that have ended is in the records of their ends.
        assert [one.cost_usd for one in found] == [one.cost_usd for one in expected]
        assert [one.turns for one in found] == [one.turns for one in expected] == [1, 0]
        assert [one.tokens for one in found] == [one.tokens for one in expected]
        assert [one.elapsed_s for one in found] == [one.elapsed_s for one in expected]
        assert [one.state for one in found] == [TaskState.SUCCEEDED] * 2


async def test_whoever_goes_on_in_the_middle_knows_what_came_before(
    claude: InstallClaude, workspace: Path
) -> None:
    config = claude(BUSY)
    async with Executor(config) as executor:
        submitted = await executor.submit([{"prompt": "x"}])
        await until_the_tool_runs(executor, submitted.id)
        middle = await executor._running.head(submitted.id)

        async def rest(seen: Seen | None, *, agent_events: bool) -> list[StreamEvent]:
            batches = executor._running.follow_in_batches(
                submitted.id, after=middle, agent_events=agent_events, seen=seen
            )
            return [event async for batch in batches for event in batch]

        boards = [ExecutionProgress([submitted.tasks[0].record]) for _ in range(3)]
        reading = asyncio.gather(
            rest(boards[0].take, agent_events=True), rest(boards[1].take, agent_events=False)
        )
        (workspace / "end").touch()
        async for event in executor.stream(submitted.id):
            boards[2].take(event)
        with_agent, without = await reading

        assert len({timeless(board.all(at=0)[0]) for board in boards}) == 1
        assert boards[0].all(at=0)[0].last_text == "Done."
        assert any(isinstance(event, FromAgent) for event in with_agent)
        assert not any(isinstance(event, FromAgent) for event in without)
        assert [event for event in with_agent if isinstance(event, Lifecycle)] == [
            event for event in without if isinstance(event, Lifecycle)
        ]
