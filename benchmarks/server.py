"""What a server costs: output to a client, a submit over an open connection, lag, sessions.

`websocketd` (Debian) is the program that people use to put a pipe behind a WebSocket; it is measured in
the same run where it is installed.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks import server_load
from benchmarks.latency import FLUSHED_BYTES
from benchmarks.measure import Result, Stopwatch, in_pairs, summary
from benchmarks.server_wire import Wire, connected, free_port, server, until_open

LINES = {
    "10-byte lines": (b"%09d\n", 16 << 20),
    "80-byte lines": (b"%079d\n", 64 << 20),
    "400-byte JSON lines": (b'{"type":"text","n":%d,"text":"' + b"x" * 360 + b'"}\n', 64 << 20),
    "64 KiB lines": (b"%065535d\n", 128 << 20),
}
#: websocketd sends one message a line: so much takes it long enough.
WEBSOCKETD_BYTES = 4 << 20

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
    """Return all rows. Starts servers in processes of their own, in folders below `folder`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    try:
        first = folder / "first"
        with server(first) as (url, token, _pid):
            async with connected(url, token) as wire:
                rows = await _throughput(wire, first, pairs=2 if quick else 7)
                rows += await _submit(wire, first, pairs=10 if quick else 60)
        return rows + await server_load.run(quick=quick, folder=folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- output --------------------------------------------------------------------------------------


async def _throughput(wire: Wire, folder: Path, *, pairs: int) -> list[Result]:
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
    wire: Wire, folder: Path, name: str, argv: list[str], *, pairs: int
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
    wire: Wire, argv: list[str], folder: Path, total: int, *, encoding: str = "text"
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
    async with _behind_websocketd(argv, binary=binary) as url:
        watch = Stopwatch()
        read = 0
        async with connect(url, max_size=None, compression=None, ping_interval=None) as socket_:
            with contextlib.suppress(ConnectionClosed):  # it leaves without a word
                async for message in socket_:
                    read += len(message) + (0 if binary else 1)  # it takes the line's end away
        seconds = watch.seconds()
    assert read >= total * 0.99, (read, total)
    return total / seconds


@contextlib.asynccontextmanager
async def _behind_websocketd(argv: list[str], *, binary: bool = False) -> AsyncIterator[str]:
    """Have websocketd start a program for each connection to the URL that is returned."""
    port = free_port()
    options = ["--binary"] if binary else []
    process = subprocess.Popen(  # noqa: ASYNC220 - measured
        ["websocketd", f"--port={port}", "--address=127.0.0.1", "--loglevel=fatal", *options, *argv]
    )
    try:
        await until_open(port)
        yield f"ws://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


# --- a submit ------------------------------------------------------------------------------------


async def _submit(wire: Wire, folder: Path, *, pairs: int) -> list[Result]:
    name = "submit to completion over an open connection: true"
    page = bytes(FLUSHED_BYTES)
    file = os.open(folder / "flushed", os.O_RDWR | os.O_CREAT)

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

    async def kept() -> float:
        watch = Stopwatch()
        for _ in range(2):
            os.pwrite(file, page, 0)
            os.fdatasync(file)
        subprocess.Popen(["true"]).wait()  # noqa: ASYNC220 - measured
        return watch.seconds()

    try:
        against_popen = await in_pairs(ours, bare, pairs=pairs)
        against_the_disk = await in_pairs(ours, kept, pairs=pairs)
    finally:
        os.close(file)
    aim = "at most 3 x subprocess.Popen"
    rows = [
        summary(name, against_popen, unit="ms", scale=1e3, aim=aim, at_most=3.0),
        summary(
            f"{name}, against subprocess.Popen and two flushes",
            against_the_disk,
            unit="ms",
            scale=1e3,
            aim="for comparison",
        ),
    ]
    if shutil.which("websocketd"):
        async with _behind_websocketd(["true"]) as url:

            async def other() -> float:
                watch = Stopwatch()
                async with connect(url, compression=None, ping_interval=None) as socket_:
                    with contextlib.suppress(ConnectionClosed):
                        await socket_.recv()
                return watch.seconds()

            against_websocketd = await in_pairs(ours, other, pairs=pairs)
        rows.append(
            summary(
                f"{name}, against a connection to websocketd",
                against_websocketd,
                unit="ms",
                scale=1e3,
                aim="for comparison",
            )
        )
    return rows
