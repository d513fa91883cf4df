"""A server that is killed or stopped again and again under its clients' streams: nobody can tell."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import socket
import sys
from pathlib import Path

import pytest

from cc_executor.client.remote.client import Client
from cc_executor.model.events import Output
from tests.server.serving import ServerProcess

_ROUNDS = int(os.environ.get("CC_EXECUTOR_CHAOS_ROUNDS", "8"))
_TASKS = 5

#: Writes what nobody can guess, in irregular pieces, until it is told to stop; then its hash.
_WRITER = """
import hashlib, os, pathlib, random, sys, time
name, stop = sys.argv[1], pathlib.Path("stop")
with pathlib.Path("starts-" + name).open("a") as starts:
    starts.write("started\\n")
digests = {1: hashlib.sha256(), 2: hashlib.sha256()}
while not stop.exists():
    if random.random() < 0.3:
        piece = os.urandom(random.randint(1, 40_000))
    else:
        piece = ("é€😀 some text\\n" * random.randint(1, 300)).encode()[: random.randint(1, 3000)]
    to = random.choice((1, 1, 2))
    digests[to].update(piece)
    view = memoryview(piece)
    while view:
        view = view[os.write(to, view):]
    time.sleep(random.random() / 50)
pathlib.Path(name).write_text(digests[1].hexdigest() + digests[2].hexdigest())
"""


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_what_clients_read_is_what_agents_wrote_however_often_the_server_goes(
    tmp_path: Path,
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    chance = random.Random(20261125)
    with ServerProcess(tmp_path / "home", port=_free_port()) as server:
        async with Client(f"ws://127.0.0.1:{server.port}", token=server.token) as client:
            submitted = [
                await client.submit(
                    [{"command": [sys.executable, "-c", _WRITER, f"hash-{number}"]}],
                    workspace=workspace,
                )
                for number in range(_TASKS)
            ]
            readers = [asyncio.create_task(_read(client, one.id)) for one in submitted]
            for _ in range(_ROUNDS):
                await asyncio.to_thread(_go_and_come_back, server, kill=chance.random() < 0.7)
                alive = await client.list(limit=100)
                assert len(alive) == _TASKS
                assert not any(reader.done() for reader in readers)
            (workspace / "stop").touch()

            async with asyncio.timeout(120):
                read = await asyncio.gather(*readers)
            ended = [await client.get(one.id) for one in submitted]

    assert [one.state for one in ended] == ["succeeded"] * _TASKS
    # Attempts that a kill kept from starting are made again; no program is ever started twice.
    starts = [(workspace / f"starts-hash-{number}").read_text() for number in range(_TASKS)]
    assert starts == ["started\n"] * _TASKS
    written = [(workspace / f"hash-{number}").read_text() for number in range(_TASKS)]
    assert read == written


async def _read(client: Client, execution_id: str) -> str:
    """Return the hashes of an execution's output; a gap or a repetition fails the test."""
    digests = {"stdout": hashlib.sha256(), "stderr": hashlib.sha256()}
    length = 0
    async for event in client.stream(execution_id, agent_events=False):
        if isinstance(event, Output):
            assert event.offset == length
            digests[event.stream].update(event.data)
            length += len(event.data)
    return digests["stdout"].hexdigest() + digests["stderr"].hexdigest()


def _go_and_come_back(server: ServerProcess, *, kill: bool) -> None:
    if kill:
        server.kill()
    else:
        server.stop()
    server.start()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
