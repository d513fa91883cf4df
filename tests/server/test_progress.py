"""How far tasks are, told through every door, to those who ask for it and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cc_executor.client.remote.client import Client
from cc_executor.testing.fake_cli import install
from cc_executor.testing.scripted_agent import Script
from tests.server.http.calls import call
from tests.server.serving import Served
from tests.server.streams.wire import Wire

#: Uses a tool until it is told to end; ends without another word before its result.
BUSY = (
    Script()
    .claude_init()
    .claude_text("I begin.")
    .claude_tool("Bash", {"command": "make test"}, tool_use_id="t1")
    .wait_for_file("end")
    .claude_tool_result("ok", tool_use_id="t1")
    .claude_result("Done.", total_cost_usd=0.25, num_turns=2)
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    program = install(tmp_path / "claude", BUSY, lifetime_s=60)
    with Served(tmp_path / "home", claude_bin=program) as served:
        yield served


def asked(workspace: Path) -> dict[str, Any]:
    """Return a task for the scripted agent; a server of a test has no environment of its own."""
    env = {"HOME": str(workspace.parent), "ANTHROPIC_API_KEY": "dummy"}
    return {"prompt": "x", "name": "api", "env": env}


async def submitted(wire: Wire, workspace: Path) -> str:
    answer = await wire.call("task_list.submit", tasks=[asked(workspace)], workspace=str(workspace))
    return str(answer["execution_id"])


async def until_tool(wire: Wire) -> dict[str, Any]:
    """Return the first progress that tells of an open tool."""
    while True:
        told = await wire.notice()
        assert told["method"] != "stream.ended", told
        if told["method"] == "task.progress" and told["params"]["progress"]["tool"]:
            params: dict[str, Any] = told["params"]
            return params


async def until_ended(wire: Wire) -> list[dict[str, Any]]:
    seen = [await wire.notice()]
    while seen[-1]["method"] != "stream.ended":
        seen.append(await wire.notice())
    return seen


async def test_who_subscribes_to_progress_is_told_it_while_the_agent_says_nothing_more(
    server: Served, workspace: Path
) -> None:
    async with Wire(server) as wire:
        assert "progress" in wire.hello["capabilities"]
        execution = await submitted(wire, workspace)
        await wire.call("stream.subscribe", execution_id=execution, progress=True)

        told = await until_tool(wire)

        progress = told["progress"]
        assert (told["execution_id"], told["task_id"]) == (execution, f"{execution}.1")
        assert (progress["tool"], progress["tool_input"]) == ("Bash", "make test")
        assert (progress["state"], progress["last_text"]) == ("running", "I begin.")
        assert (progress["turns"], progress["cost_usd"]) == (2, None)
        (workspace / "end").touch()
        last = [one for one in await until_ended(wire) if one["method"] == "task.progress"][-1]
        progress = last["params"]["progress"]
        assert (progress["state"], progress["cost_usd"]) == ("succeeded", 0.25)


async def test_who_comes_in_the_middle_or_wants_one_task_is_told_the_whole_of_it(
    server: Served, workspace: Path
) -> None:
    async with Wire(server) as early, Wire(server) as late:
        execution = await submitted(early, workspace)
        await early.call("stream.subscribe", execution_id=execution, progress=True)
        await until_tool(early)

        await late.call(
            "stream.subscribe",
            task_id=f"{execution}.1",
            progress=True,
            agent_events=False,
            **{"from": "now"},
        )

        assert (await until_tool(late))["progress"]["turns"] == 2
        (workspace / "end").touch()
        methods = {one["method"] for one in await until_ended(late)}
        assert "task.progress" in methods
        assert "agent.event" not in methods


async def test_who_does_not_ask_is_not_told(server: Served, workspace: Path) -> None:
    (workspace / "end").touch()
    async with Wire(server) as wire:
        execution = await submitted(wire, workspace)
        await wire.call("stream.subscribe", execution_id=execution)

        methods = {one["method"] for one in await until_ended(wire)}

    assert "task.succeeded" in methods
    assert "task.progress" not in methods


async def test_a_session_that_is_taken_up_goes_on_telling_progress(
    server: Served, workspace: Path
) -> None:
    async with Wire(server) as wire:
        token = wire.hello["resume_token"]
        execution = await submitted(wire, workspace)
        await wire.call("stream.subscribe", execution_id=execution, progress=True)
        await until_tool(wire)

    async with Wire(server) as wire:
        await wire.call("session.resume", token=token)

        assert (await until_tool(wire))["progress"]["turns"] == 2
        (workspace / "end").touch()
        await until_ended(wire)


async def test_it_can_be_asked_for_by_every_client(server: Served, workspace: Path) -> None:
    async with Wire(server) as wire:
        execution = await submitted(wire, workspace)
        await wire.call("stream.subscribe", execution_id=execution, progress=True)
        await until_tool(wire)

        answer = await wire.call("execution.progress", execution_id=execution)
        async with Client(f"ws://127.0.0.1:{server.port}", token=server.token) as client:
            [found] = await client.progress(execution)
        (workspace / "end").touch()
        await until_ended(wire)

    assert answer["execution_id"] == execution
    [task] = answer["tasks"]
    assert (task["name"], task["tool"], task["turns"]) == ("api", "Bash", 2)
    assert (found.name, found.tool, found.turns) == ("api", "Bash", 2)
    assert found.running_s <= found.elapsed_s


def test_progress_comes_over_http_when_it_is_asked_for(server: Served, workspace: Path) -> None:
    (workspace / "end").touch()
    tasks = {"workspace": str(workspace), "tasks": [asked(workspace)]}
    place = call(server, "POST", "/execute", tasks).headers["location"]

    def told(query: str) -> list[dict[str, Any]]:
        body = call(server, "GET", f"{place}/events{query}").body.decode()
        blocks = [block for block in body.split("\n\n") if "event: task.progress\n" in block]
        assert not any(block.startswith("id:") for block in blocks)
        return [json.loads(block.split("data: ", 1)[1]) for block in blocks]

    assert told("?progress=true")[-1]["state"] == "succeeded"
    assert told("?progress=true&raw=true")[-1]["turns"] == 2
    assert told("") == []
    [task] = call(server, "GET", f"{place}/progress").json["tasks"]
    assert (task["state"], task["cost_usd"], task["turns"]) == ("succeeded", 0.25, 2)
