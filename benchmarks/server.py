"""What a server costs: output to a client, a submit over an open connection, lag, sessions.

`websocketd` (Debian) is the program that people use to put a pipe behind a WebSocket; it is measured in
the same run where it is installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from benchmarks.measure import Result, Stopwatch, in_pairs, summary

BLOCK_BYTES = 1 << 20
LINES = {
    "10-byte lines": (b"%09d\n", 16 << 20),
    "80-byte lines": (b"%079d\n", 64 << 20),
    "400-byte JSON lines": (b'{"type":"text","n":%d,"text":"' + b"x" * 360 + b'"}\n', 64 << 20),
    "64 KiB lines": (b"%065535d\n", 128 << 20),
}
#: websocketd sends one message a line: so much takes it long enough.
WEBSOCKETD_BYTES = 4 << 20
STREAMING = 100
SESSIONS = 200
IDLE = 2000
FOLLOWING = 500

_WRITER = """
import os, sys
line, total = sys.argv[1].encode().decode("unicode_escape").encode("latin-1"), int(sys.argv[2])
block, number = bytearray(), 0
while len(block) < 1 << 20:
    block += line % number if b"%" in line else line
    number += 1
left = total
while left > 0:
    left -= os.write(1, block[:left])
"""


async def run(*, quick: bool, folder: Path) -> list[Result]:
    """Return all rows. Starts a server in a process of its own, in `folder`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    try:
        with _server(folder) as (url, token, pid):
            async with _connected(url, token) as wire:
                rows = await _throughput(wire, folder, pairs=2 if quick else 5)
                rows.append(await _submit(wire, folder, pairs=10 if quick else 60))
            rows.append(await _lag(url, token, folder))
            rows += await _sessions(url, token, pid, folder, quick=quick)
        return rows
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- output --------------------------------------------------------------------------------------


async def _throughput(wire: _Wire, folder: Path, *, pairs: int) -> list[Result]:
    rows = []
    for name, (line, total) in LINES.items():
        argv = [sys.executable, "-c", _WRITER, line.decode("unicode_escape"), str(total)]

        async def ours(argv: list[str] = argv, total: int = total) -> float:
            return await _streamed(wire, argv, folder, total)

        async def bare(argv: list[str] = argv, total: int = total) -> float:
            watch = Stopwatch()
            read = 0
            with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220 - measured
                assert process.stdout is not None
                while data := os.read(process.stdout.fileno(), 64 * 1024):
                    read += len(data)
            assert read == total
            return total / watch.seconds()

        measured = await in_pairs(ours, bare, pairs=pairs, warm_up=1)
        rows.append(
            summary(
                f"server to client: {name}",
                measured,
                unit="MB/s",
                scale=1e-6,
                aim="at least 1/10 of a bare pipe read",
                at_least=0.1,
            )
        )
        if shutil.which("websocketd"):
            rows += await _against_websocketd(wire, folder, name, argv, pairs=pairs)
    return rows


async def _against_websocketd(
    wire: _Wire, folder: Path, name: str, argv: list[str], *, pairs: int
) -> list[Result]:
    rows = []
    total = int(argv[-1])
    for mode, least in (("text", 8.0), ("binary", 1.0)):
        size = WEBSOCKETD_BYTES if mode == "text" else total
        theirs = [*argv[:-1], str(size)]

        async def ours(argv: list[str] = argv, mode: str = mode) -> float:
            return await _streamed(wire, argv, folder, total, encoding=mode)

        async def other(argv: list[str] = theirs, mode: str = mode, size: int = size) -> float:
            return await _websocketd(argv, size, binary=mode == "binary")

        measured = await in_pairs(ours, other, pairs=pairs, warm_up=1)
        rows.append(
            summary(
                f"server to client: {name}, against websocketd ({mode})",
                measured,
                unit="MB/s",
                scale=1e-6,
                aim=f"at least {least:g} x websocketd" if "80" in name else "for comparison",
                at_least=least if "80" in name else None,
            )
        )
    return rows


async def _streamed(
    wire: _Wire, argv: list[str], folder: Path, total: int, *, encoding: str = "text"
) -> float:
    """Return bytes a second, from the submit to the last byte at the client."""
    watch = Stopwatch()
    execution = await wire.submit(argv, folder / "workspace")
    await wire.call(
        "stream.subscribe", execution_id=execution, agent_events=False, encoding=encoding
    )
    read = 0
    while True:
        notice = await wire.notice()
        if notice["method"] == "process.output":
            read += len(notice["params"]["data"])  # ASCII
        elif notice["method"] == "stream.ended":
            break
    seconds = watch.seconds()
    assert read == total, (read, total)
    (folder / "home" / "executions" / execution / "1" / "1" / "output").unlink()
    return total / seconds


async def _websocketd(argv: list[str], total: int, *, binary: bool) -> float:
    port = _free_port()
    options = ["--binary"] if binary else []
    process = subprocess.Popen(  # noqa: ASYNC220 - measured
        ["websocketd", f"--port={port}", "--address=127.0.0.1", "--loglevel=error", *options, *argv]
    )
    try:
        await _until_open(port)
        watch = Stopwatch()
        read = 0
        async with connect(
            f"ws://127.0.0.1:{port}/", max_size=None, compression=None, ping_interval=None
        ) as socket_:
            with contextlib.suppress(ConnectionClosed):  # it leaves without a word
                async for message in socket_:
                    read += len(message) + (0 if binary else 1)  # it takes the line's end away
        seconds = watch.seconds()
        assert read >= total * 0.99, (read, total)
        return total / seconds
    finally:
        process.terminate()
        process.wait()


# --- a submit ------------------------------------------------------------------------------------


async def _submit(wire: _Wire, folder: Path, *, pairs: int) -> Result:
    async def ours() -> float:
        watch = Stopwatch()
        execution = await wire.submit(["true"], folder / "workspace")
        ended = await wire.call("execution.wait", execution_id=execution, within_s=30)
        seconds = watch.seconds()
        assert ended["state"] == "succeeded", ended
        return seconds

    async def bare() -> float:
        watch = Stopwatch()
        subprocess.Popen(["true"]).wait()  # noqa: ASYNC220 - measured
        return watch.seconds()

    return summary(
        "submit to completion over an open connection: true",
        await in_pairs(ours, bare, pairs=pairs),
        unit="ms",
        scale=1e3,
        aim="at most 3 x subprocess.Popen",
        at_most=3.0,
    )


# --- many at once --------------------------------------------------------------------------------


async def _lag(url: str, token: str, folder: Path) -> Result:
    """Return how late the loop is with 100 streaming tasks and 200 sessions."""
    script = "while :; do echo a line of some length, as agents print them; sleep 0.2; done"
    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(_connected(url, token)) for _ in range(SESSIONS)]
        executions = [
            await wire.submit(["sh", "-c", script], folder / "workspace")
            for wire in wires[:STREAMING]
        ]
        readers = []
        for wire, execution in zip(wires, executions, strict=False):
            await wire.call("stream.subscribe", execution_id=execution)
            readers.append(asyncio.create_task(wire.read_for_ever()))
        await asyncio.sleep(65)  # the server tells of the last minute
        status = await wires[-1].call("status")
        for execution in executions:
            await wires[-1].call("execution.cancel", execution_id=execution, now=True)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    p99_ms = status["resources"]["loop_lag_p99_s"] * 1e3
    return Result(
        name=f"event loop lag (p99), {STREAMING} streaming tasks, {SESSIONS} sessions",
        unit="ms",
        ours=p99_ms,
        bare=None,
        ratio=p99_ms / 20,
        low=p99_ms / 20,
        high=p99_ms / 20,
        aim="at most 20 ms",
        met=p99_ms <= 20,
        pairs=1,
    )


async def _sessions(url: str, token: str, pid: int, folder: Path, *, quick: bool) -> list[Result]:
    """Return the memory of idle sessions, and that many more can stream beside them."""
    idle = IDLE // 10 if quick else IDLE
    following = FOLLOWING // 10 if quick else FOLLOWING
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(_connected(url, token))
        before = _private_kib(pid)
        for _ in range(idle):
            await stack.enter_async_context(_connected(url, token))
        each = (_private_kib(pid) - before) / idle
        script = "i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); sleep 0.1; done"
        execution = await first.submit(["sh", "-c", script], folder / "workspace")
        readers = []
        for _ in range(following):
            wire = await stack.enter_async_context(_connected(url, token))
            await wire.call("stream.subscribe", execution_id=execution)
            readers.append(asyncio.create_task(wire.read_to_end()))
        lengths = await asyncio.gather(*readers)
    expected = sum(len(f"line {number}\n") for number in range(50))
    whole = sum(length == expected for length in lengths) / following
    return [
        Result(
            name=f"memory of an idle session ({idle} of them)",
            unit="KiB",
            ours=each,
            bare=None,
            ratio=each / 64,
            low=each / 64,
            high=each / 64,
            aim="at most 64 KiB",
            met=each <= 64,
            pairs=idle,
        ),
        Result(
            name=f"streams that are whole, {following} readers beside {idle} idle sessions",
            unit="of 1",
            ours=whole,
            bare=None,
            ratio=whole,
            low=whole,
            high=whole,
            aim="all",
            met=whole == 1.0,
            pairs=following,
        ),
    ]


def _private_kib(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    lines = (line.split() for line in rollup.splitlines() if line.startswith("Private_"))
    return float(sum(int(line[1]) for line in lines))


# --- a client of a few lines ---------------------------------------------------------------------


class _Wire:
    """One connection; answers are told from notifications, which are kept in order."""

    def __init__(self, socket_: ClientConnection) -> None:
        self._socket = socket_
        self._ids = 0
        self._notices: list[dict[str, Any]] = []

    async def call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 - any JSON value
        self._ids += 1
        ident = self._ids
        request = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
        await self._socket.send(json.dumps(request))
        while True:
            message = _message(await self._socket.recv(decode=False))
            if message.get("id") == ident:
                assert "result" in message, message
                return message["result"]
            self._notices.append(message)

    async def notice(self) -> dict[str, Any]:
        if self._notices:
            return self._notices.pop(0)
        return _message(await self._socket.recv(decode=False))

    async def submit(self, argv: list[str], workspace: Path) -> str:
        task = {"command": argv}
        accepted = await self.call("task_list.submit", tasks=[task], workspace=str(workspace))
        return str(accepted["execution_id"])

    async def read_for_ever(self) -> None:
        while True:
            await self.notice()

    async def read_to_end(self) -> int:
        length = 0
        while (notice := await self.notice())["method"] != "stream.ended":
            if notice["method"] == "process.output":
                length += len(notice["params"]["data"])
        return length


def _message(received: bytes) -> dict[str, Any]:
    """Return what a message says; the bytes of a binary one stand in it as `data`."""
    if received[:1] == b"{":
        said: dict[str, Any] = msgspec.json.decode(received)
        return said
    end = 4 + int.from_bytes(received[:4])
    said = msgspec.json.decode(received[4:end])
    said["params"]["data"] = memoryview(received)[end:]
    return said


@contextlib.asynccontextmanager
async def _connected(url: str, token: str) -> AsyncIterator[_Wire]:
    async with connect(
        f"{url}/ws/mcp",
        additional_headers={"Authorization": f"Bearer {token}"},
        max_size=None,
        compression=None,
        open_timeout=60,
        close_timeout=1,
    ) as socket_:
        wire = _Wire(socket_)
        assert (await wire.notice())["method"] == "connected"
        yield wire


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[tuple[str, str, int]]:
    (folder / "workspace").mkdir()
    home = folder / "home"
    limits = ("--max-sessions", "5000", "--rate-per-minute", "1000000", "--max-connections", "8192")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "cc_executor", "server", "start", "--foreground", "--json"),
            *("--port", "0", "--home", str(home), "--log-level", "ERROR", *limits),
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        yield ready["urls"][0], (home / "token").read_text().strip(), process.pid
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _until_open(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.01)
