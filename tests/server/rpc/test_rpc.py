"""JSON-RPC as clients speak it: execute and control as since 2025, sessions that are taken up again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.server.serving import Served
from tests.server.streams.wire import Bytes, Wire


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "home") as served:
        yield served


@pytest.fixture
async def wire(server: Served) -> AsyncIterator[Wire]:
    async with Wire(server) as opened:
        yield opened


async def until(wire: Wire, method: str) -> list[dict[str, Any]]:
    """Return notifications up to the first of this name."""
    seen = [await wire.notice()]
    while seen[-1]["method"] != method:
        seen.append(await wire.notice())
    return seen


async def error(wire: Wire, method: str, **params: Any) -> dict[str, Any]:
    """Return the error that a request is answered with."""
    ident = await wire.send(method, **params)
    while True:
        message = json.loads(await asyncio.wait_for(wire.socket.recv(), 30))
        if message.get("id") == ident:
            told: dict[str, Any] = message["error"]
            return told
        wire.notices.append(message)


async def test_execute_streams_by_itself_and_always_completes(wire: Wire, workspace: Path) -> None:
    command = "sh -c 'echo out; echo err >&2; exit 3'"
    started = await wire.call("execute", command=command, cwd=str(workspace))
    seen = await until(wire, "stream.ended")

    assert started["status"] == "started"
    assert started["pid"] == started["pgid"] > 0
    by_name = {one["method"]: one["params"] for one in seen}
    assert by_name["process.started"]["pid"] == started["pid"]
    texts = {
        one["params"]["type"]: one["params"]["data"]
        for one in seen
        if one["method"] == "process.output"
    }
    assert texts == {"stdout": "out\n", "stderr": "err\n"}
    completed = by_name["process.completed"]
    assert (completed["status"], completed["exit_code"]) == ("failed", 3)


async def test_no_shell_ever_reads_a_command(wire: Wire, workspace: Path) -> None:
    await wire.call("execute", command="echo $(touch pwned); touch pwned", cwd=str(workspace))
    seen = await until(wire, "stream.ended")

    output = next(one["params"]["data"] for one in seen if one["method"] == "process.output")
    assert output == "$(touch pwned); touch pwned\n"
    assert list(workspace.iterdir()) == []


async def test_control_finds_the_only_task_and_completes_it(wire: Wire, workspace: Path) -> None:
    await wire.call("execute", command=["sleep", "60"], cwd=str(workspace))
    assert (await wire.call("control", type="PAUSE"))["status"] == "paused"
    assert (await wire.call("control", type="RESUME"))["status"] == "resumed"
    assert (await wire.call("control", type="CANCEL"))["status"] == "canceled"
    seen = await until(wire, "stream.ended")

    names = [one["method"] for one in seen]
    for name in ("process.paused", "process.resumed", "process.canceled"):
        assert names.count(name) == 1
    completed = [one["params"] for one in seen if one["method"] == "process.completed"]
    assert [(one["status"], one["exit_code"]) for one in completed] == [("canceled", None)]


async def test_a_second_execute_waits_for_the_first_unless_told_otherwise(
    wire: Wire, workspace: Path
) -> None:
    script = "echo begin >> log; sleep 0.3; echo end >> log"
    sent = [
        await wire.send("execute", command=["sh", "-c", script], cwd=str(workspace))
        for _ in range(2)
    ]
    ended = 0
    while ended < len(sent):
        message = json.loads(await asyncio.wait_for(wire.socket.recv(), 30))
        ended += message.get("method") == "stream.ended"

    assert (workspace / "log").read_text().split() == ["begin", "end"] * 2

    first = await wire.call("execute", command=["sleep", "60"], cwd=str(workspace))
    beside = await wire.call("execute", command=["true"], cwd=str(workspace), concurrent=True)
    assert first["execution_id"] != beside["execution_id"]
    await wire.call("execution.cancel", execution_id=first["execution_id"])


async def test_the_same_key_gives_the_same_execution(wire: Wire, workspace: Path) -> None:
    asked = {
        "tasks": [{"command": ["sh", "-c", "echo x >> runs"]}],
        "workspace": str(workspace),
        "idempotency_key": "k",
    }
    ids = {(await wire.call("task_list.submit", **asked))["execution_id"] for _ in range(3)}
    ended = await wire.call("execution.wait", execution_id=min(ids), within_s=30)

    assert len(ids) == 1
    assert ended["state"] == "succeeded"
    assert (workspace / "runs").read_text() == "x\n"


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nope", {}, -32601),
        ("execute", {}, -32602),
        ("execute", {"command": "x", "prompt": "y"}, -32602),
        ("control", {"type": "EXPLODE"}, -32602),
        ("control", {"type": "CANCEL"}, -32602),
        ("execution.get", {"execution_id": "none"}, -32002),
        ("task.cancel", {"task_id": "none.1"}, -32002),
        ("stream.ack", {"subscription": "s9", "cursor": {}}, -32002),
        ("session.resume", {"token": "x"}, -32002),
    ],
)
async def test_errors_have_the_codes_of_the_table(
    wire: Wire, method: str, params: dict[str, Any], code: int
) -> None:
    told = await error(wire, method, **params)

    assert told["code"] == code
    assert told["data"]["hint"]
    assert await wire.call("hook_status") == {
        "enabled": False,
        "hooks_configured": [],
        "recent_executions": [],
        "statistics": {},
    }


async def test_a_session_is_taken_up_where_its_reader_was(server: Served, workspace: Path) -> None:
    script = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.02; done"
    output = Bytes()
    async with Wire(server) as first:
        token = first.hello["resume_token"]
        started = await first.call("execute", command=["sh", "-c", script], cwd=str(workspace))
        name = started["subscription"]
        cursor: dict[str, Any] = {"seq": 0, "chunks": {}}
        while output.length < 60:
            notice = await first.notice()
            output.take(notice)
            _move(cursor, notice)
    async with Wire(server) as second:
        resumed = await second.call("session.resume", token=token, cursors={name: cursor})
        assert [one["subscription"] for one in resumed["subscriptions"]] == [name]
        assert resumed["session_id"] == first.hello["session_id"]
        for notice in await until(second, "stream.ended"):
            output.take(notice)

    assert output.length == sum(len(f"line {number}\n") for number in range(40))


async def test_what_was_sent_and_not_acknowledged_comes_again(
    server: Served, workspace: Path
) -> None:
    async with Wire(server) as first:
        started = await first.call("execute", command=["echo", "hi"], cwd=str(workspace))
        await until(first, "stream.ended")  # sent, but did it arrive?
    token, name = first.hello["resume_token"], started["subscription"]
    async with Wire(server) as second:
        resumed = await second.call("session.resume", token=token)
        again = await until(second, "stream.ended")
        assert [one["subscription"] for one in resumed["subscriptions"]] == [name]
        assert "process.output" in {one["method"] for one in again}
        cursor = again[-1]["params"]["cursor"]
        await second.call("stream.ack", subscription=name, cursor=cursor)

    async with asyncio.timeout(30):
        while True:  # it is written down when the connection has gone
            async with Wire(server) as third:
                if not (await third.call("session.resume", token=token))["subscriptions"]:
                    break


async def test_a_session_is_taken_from_who_has_it(server: Served) -> None:
    async with Wire(server) as first, Wire(server) as second:
        await second.call("session.resume", token=first.hello["resume_token"])

        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(first.socket.recv(), 30)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


async def test_one_session_too_many_is_told_and_to_come_later(tmp_path: Path) -> None:
    with Served(tmp_path / "small", max_sessions=1) as small:
        async with Wire(small) as first:
            refused = Wire(small)
            with pytest.raises(KeyError):  # an error comes in place of `connected`
                await refused.__aenter__()
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(refused.socket.recv(), 30)
            # Its own session is the one too many, and does not stand in its own way.
            await first.call("session.resume", token=first.hello["resume_token"])

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013


async def test_a_server_that_stops_asks_to_come_back(tmp_path: Path) -> None:
    with Served(tmp_path / "stopping") as stopping:
        async with Wire(stopping) as wire:
            await asyncio.to_thread(stopping.stop)
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(wire.socket.recv(), 30)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def _move(cursor: dict[str, Any], notice: dict[str, Any]) -> None:
    params = notice["params"]
    if notice["method"] == "process.output":
        if params["seq"] >= 0:
            cursor["chunks"][f"{params['task_id']}.{params['attempt']}"] = params["seq"]
    elif "kind" in params:
        cursor["seq"] = params["seq"]
