"""Lines that break anywhere: no gap, nothing twice, and every submit once."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import connect

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.client.remote.client import Client
from cc_executor.client.remote.target import Bounds
from cc_executor.errors import ConnectionLost, ServerUnavailable
from cc_executor.model.events import FromAgent, Lifecycle, Output, StreamEvent
from cc_executor.protocol import jsonrpc
from cc_executor.testing.fake_cli import install
from cc_executor.testing.scripted_agent import Script
from tests.server.cutting import Cutter
from tests.server.process import ServerProcess

#: Lines, a long line, what is no text, and characters of several bytes; the size is an argument.
WRITER: Final = """
import hashlib, os, random, sys, time
chance, left, seen = random.Random(1), int(sys.argv[1]), hashlib.sha256()
def make():
    kind = chance.randrange(4)
    if kind == 0: return b"".join(b"line %d\\n" % n for n in range(chance.randrange(400)))
    if kind == 1: return chance.randbytes(chance.randrange(20_000))
    if kind == 2: return ("\\u00e4\\u20ac\\U0001f600" * chance.randrange(1, 4000)).encode()
    return b"x" * chance.randrange(60_000)
while left > 0:
    piece = make()
    at = 0
    while at < len(piece):
        at += os.write(1, piece[at:])
    seen.update(piece)
    left -= len(piece)
    time.sleep(0.001)  # else it all comes in the largest chunks there are
open("sha256", "w").write(seen.hexdigest())
"""


def writer(size: int) -> dict[str, Any]:
    return {"command": [sys.executable, "-c", WRITER, str(size)]}


def check(events: list[StreamEvent], workspace: Path, tasks: int) -> None:
    """Do nothing for a stream that is whole: no gap, nothing twice, the bytes as written."""
    moves = [one.seq for one in events if isinstance(one, Lifecycle)]
    assert moves == list(range(1, len(moves) + 1))
    assert [one.kind for one in events if isinstance(one, Lifecycle)][-1] == "execution.succeeded"
    for number in range(1, tasks + 1):
        task_id = f"{moves and _execution(events)}.{number}"
        output = [one for one in events if isinstance(one, Output) and one.task_id == task_id]
        at = 0
        for one in output:
            assert one.offset == at
            at += len(one.data)
        digest = hashlib.sha256(b"".join(one.data for one in output)).hexdigest()
        assert digest == (workspace / "sha256").read_text()


def _execution(events: list[StreamEvent]) -> str:
    return next(one.execution_id for one in events if isinstance(one, Lifecycle))


async def _whole(client: Client, execution_id: str) -> list[StreamEvent]:
    return [one async for one in client.stream(execution_id)]


async def _disconnects(server: ServerProcess, chance: random.Random, wanted: int) -> int:
    """Follow executions, live and long after, over lines that break; return how often they did.

    The longest of them last for more than the largest chunk (256 KiB, more in base64), which is
    what is sent again: else nobody would get past one.
    """
    async with (
        Cutter(server.port, chance, most_bytes=900_000) as cutter,
        server.client(cutter.url) as client,
    ):
        while cutter.cuts < wanted:
            cutter.is_cutting = True
            submitted = await client.submit([writer(2_000_000)] * 2, workspace=server.workspace)
            live = await asyncio.gather(*(_whole(client, submitted.id) for _ in range(2)))
            assert (await client.wait(submitted.id)).ok
            late = await asyncio.gather(*(_whole(client, submitted.id) for _ in range(4)))
            for events in (*live, *late):
                check(events, server.workspace, tasks=2)
        return cutter.cuts


async def test_a_stream_over_lines_that_break_is_whole(
    server: ServerProcess, chance: random.Random
) -> None:
    assert await _disconnects(server, chance, 60) >= 60


@pytest.mark.chaos
@pytest.mark.timeout(1800)
async def test_random_disconnects_lose_nothing_and_bring_nothing_twice(
    server: ServerProcess, chance: random.Random, rounds: int
) -> None:
    assert await _disconnects(server, chance, 10 * rounds) >= 10 * rounds


async def test_what_an_agent_said_is_told_once(tmp_path: Path, chance: random.Random) -> None:
    script = Script().claude_init()
    for n in range(400):
        script = script.claude_text(f"{n} " + "word " * 300)
    claude = install(tmp_path / "claude", script.claude_result("done"), lifetime_s=60)
    server = ServerProcess(tmp_path, "--claude-bin", str(claude))
    server.environ["ANTHROPIC_API_KEY"] = "dummy"
    server.start()
    try:
        async with (
            Cutter(server.port, chance, most_bytes=1_500_000) as cutter,
            server.client(cutter.url) as client,
        ):
            ended = await client.run("Talk.", workspace=server.workspace)
            cutter.is_cutting = True
            there: list[StreamEvent] = []
            while not cutter.cuts:
                there = await _whole(client, ended.id)
    finally:
        server.close()
    async with Executor(CCExecutorConfig(home=server.home)) as executor:
        here = [one async for one in executor.stream(ended.id)]

    def told(events: list[StreamEvent]) -> list[StreamEvent]:
        return [one for one in events if isinstance(one, FromAgent | Lifecycle)]

    assert cutter.cuts > 0
    assert len(told(there)) > 400
    assert told(there) == told(here)


async def test_a_submit_whose_answer_is_lost_happens_once(
    server: ServerProcess, chance: random.Random
) -> None:
    async with (
        Cutter(server.port, chance, most_bytes=0) as cutter,
        server.client(cutter.url) as client,
    ):
        echo = [{"command": ["echo", "once"]}]
        keyed: list[str] = []
        named: list[str] = []
        for n in range(10):
            for ids, choice in ((keyed, None), (named, f"n{n}")):
                cutter.is_mute = True  # it is asked, and the answer is lost
                asking = asyncio.create_task(
                    client.submit(echo, workspace=server.workspace, execution_id=choice)
                )
                await cutter.cut()
                cutter.is_mute = False
                ids.append((await asking).id)
        listed = [one.id for one in await client.list(limit=100)]

    assert cutter.cuts >= 20
    assert sorted(listed) == sorted(keyed + named)
    assert named == [f"n{n}" for n in range(10)]


async def test_what_was_asked_is_run_though_nobody_stayed_for_the_answer(
    server: ServerProcess,
) -> None:
    token = (server.home / "token").read_text().strip()
    for n in range(20):
        params = {"tasks": [{"command": ["true"]}], "workspace": str(server.workspace)}
        call = jsonrpc.request(1, "task_list.submit", {**params, "title": f"{n}"})
        async with connect(
            f"{server.url}/ws", additional_headers={"Authorization": f"Bearer {token}"}
        ) as socket:
            await socket.recv()
            await socket.send(call, text=True)
            await asyncio.sleep(0.001 * n)  # the moment is the chance here
            socket.transport.abort()
    async with server.client() as client, asyncio.timeout(30):
        # Looking at a list wakes nobody, unlike waiting for one of them.
        listed = await client.list()
        while not all(one.ended_at for one in listed):
            await asyncio.sleep(0.02)
            listed = await client.list()
    assert listed


async def test_what_may_have_been_done_is_not_done_again(
    server: ServerProcess, chance: random.Random
) -> None:
    async with (
        Cutter(server.port, chance, most_bytes=0) as cutter,
        server.client(cutter.url) as client,
    ):
        failed = await client.run([{"command": ["false"]}], workspace=server.workspace)
        cutter.is_mute = True
        with pytest.raises(ConnectionLost):
            await client.continue_(failed.id)
        cutter.is_mute = False
        assert [one.continues for one in await client.list()] == [failed.id, None]


async def test_a_killed_server_is_waited_for(server: ServerProcess) -> None:
    code = (
        "import os, sys, time\n"
        "for n in range(200):\n"
        "    os.write(1, b'%d\\n' % n * 500); time.sleep(0.02)\n"
    )
    task = {"command": [sys.executable, "-c", code]}
    async with server.client() as client:
        submitted = await client.submit([task], workspace=server.workspace)
        following = asyncio.create_task(_whole(client, submitted.id))
        waiting = asyncio.create_task(client.wait(submitted.id))
        for _ in range(2):
            async for event in client.stream(submitted.id):
                if isinstance(event, Output):
                    break
            server.kill()
            asking = asyncio.create_task(
                client.submit([task | {"command": ["true"]}], workspace=server.workspace)
            )
            await asyncio.to_thread(server.start)
            assert (await client.wait((await asking).id)).ok
        events, ended = await asyncio.gather(following, waiting)

    assert ended.ok
    expected = b"".join(b"%d\n" % n * 500 for n in range(200))
    assert b"".join(one.data for one in events if isinstance(one, Output)) == expected
    moves = [one.seq for one in events if isinstance(one, Lifecycle)]
    assert moves == list(range(1, len(moves) + 1))


async def test_a_server_that_stays_away_is_given_up(server: ServerProcess) -> None:
    async with server.client(bounds=Bounds(reconnect_s=0.3)) as client:
        server.kill()
        with pytest.raises((ServerUnavailable, ConnectionLost)):
            await client.status()
        with pytest.raises((ServerUnavailable, ConnectionLost)):
            await anext(client.stream("any"))
        server.start()
        assert (await client.status()).server.sessions == 1
