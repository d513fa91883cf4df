"""A server with much to do at once: how late its loop is, what its sessions cost."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.measure import Result
from benchmarks.server_wire import Wire, connected, server
from cc_executor.testing.redis_server import RedisServer

STREAMING = 100
SESSIONS = 200
IDLE = 2000
FOLLOWING = 500
#: The server tells of its last minute.
LAG_S = 62.0
FROZEN_S = 10.0
#: Sessions that have something to keep while Redis stands still.
KEEPING = 50

#: Five lines a second, as an agent prints them: a shell would start a program for each pause, and
#: five hundred new programs a second would be what is measured.
TALKER = """
import os, time
while True:
    os.write(1, b"a line of some length, as agents print them\\n")
    time.sleep(0.2)
"""
#: A loop with nothing to do, beside the server: what the machine itself makes late.
IDLE_LOOP = """
import asyncio, sys, time
async def main():
    lags, end = [], time.monotonic() + float(sys.argv[1])
    while (begun := time.monotonic()) < end:
        await asyncio.sleep(0.1)
        lags.append(time.monotonic() - begun - 0.1)
    print(*sorted(lags))
asyncio.run(main())
"""


async def run(*, quick: bool, folder: Path) -> list[Result]:
    """Return the rows. Starts servers in processes of their own, in folders below `folder`."""
    rows = []
    with server(folder / "second") as (url, token, pid):
        rows += await _lag(url, token, folder / "second")
        rows += await _sessions(url, token, pid, folder / "second", quick=quick)
    with (
        RedisServer() as redis,
        server(folder / "third", "--redis-url", redis.url) as (url, token, _pid),
    ):
        rows.append(await _lag_without_redis(url, token, folder / "third", redis))
    return rows


# --- lag -----------------------------------------------------------------------------------------


async def _lag(url: str, token: str, folder: Path) -> list[Result]:
    """Return how late the loop is, and how late its pongs, with 100 tasks and 200 sessions."""
    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(connected(url, token)) for _ in range(SESSIONS)]
        await stack.enter_async_context(_talking(wires[:STREAMING], folder))
        beside = asyncio.create_task(_lags_beside(LAG_S))
        pongs = await _pongs(wires[-1], LAG_S)
        status = await wires[-1].call("status")
        bare = await beside
    lag, load = status["resources"], f"{STREAMING} streaming tasks, {SESSIONS} sessions"
    return [
        _late(f"event loop lag (p99), {load}", lag["loop_lag_p99_s"], 20, bare=_p99(bare)),
        _late(f"event loop lag (max), {load}", lag["loop_lag_max_s"], 100, bare=bare[-1]),
        _late(f"ping to pong (p99), {load}", _p99(pongs), 20),
    ]


async def _lags_beside(seconds: float) -> list[float]:
    """Return by how much a loop with nothing to do is late meanwhile, sorted."""
    argv = [sys.executable, "-c", IDLE_LOOP, str(seconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220 - measured
        said, _ = await asyncio.to_thread(process.communicate)
    return [float(word) for word in said.split()]


@contextlib.asynccontextmanager
async def _talking(wires: list[Wire], folder: Path) -> AsyncIterator[None]:
    """Have a task print for each connection, and read it there."""
    argv = [sys.executable, "-I", "-S", "-c", TALKER]
    executions = [await wire.submit(argv, folder / "workspace") for wire in wires]
    readers = []
    for wire, execution in zip(wires, executions, strict=True):
        await wire.call("stream.subscribe", execution_id=execution)
        readers.append(asyncio.create_task(wire.read_for_ever()))
    try:
        yield
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for execution in executions:
            await wires[0].call("execution.cancel", execution_id=execution, now=True)


async def _pongs(wire: Wire, seconds: float) -> list[float]:
    """Return how long each of many pings took, sorted."""
    took = []
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        await (await wire.socket.ping())
        took.append(time.monotonic() - begun)
        await asyncio.sleep(0.05)
    return sorted(took)


async def _lag_without_redis(url: str, token: str, folder: Path, redis: RedisServer) -> Result:
    """Return how late the loop is while sessions cannot be kept, renewed or opened."""
    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(connected(url, token)) for _ in range(KEEPING)]
        execution = await wires[0].submit(
            [sys.executable, "-I", "-S", "-c", TALKER], folder / "workspace"
        )
        keepers = []
        for wire in wires[1:]:
            followed = await wire.call("stream.subscribe", execution_id=execution)
            keepers.append(asyncio.create_task(_keep(wire, followed["subscription"])))
        redis.freeze()
        refused = [asyncio.create_task(_refused(url, token)) for _ in range(KEEPING)]
        bare = await _lags_beside(FROZEN_S)
        status = await wires[0].call("status")
        redis.thaw()
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        assert all(await asyncio.gather(*refused)), "a session was opened that nobody keeps"
        await wires[0].call("execution.cancel", execution_id=execution, now=True)
    lag = status["resources"]["loop_lag_p99_s"]
    return _late(
        f"event loop lag (p99), Redis stopped for {FROZEN_S:.0f} s", lag, 50, bare=_p99(bare)
    )


async def _keep(wire: Wire, subscription: str) -> None:
    """Acknowledge whatever comes: the server wants to keep it once a second."""
    while True:
        notice = await wire.notice()
        if notice["method"] == "process.output":
            told = notice["params"]
            chunks = {f"{told['task_id']}.{told['attempt']}": told["seq"]}
            cursor = {"seq": 1, "chunks": chunks}
            await wire.tell("stream.ack", subscription=subscription, cursor=cursor)


async def _refused(url: str, token: str) -> bool:
    """Return whether a new session is refused in words."""
    try:
        async with connected(url, token):
            return False
    except AssertionError:  # its first word was not `connected`
        return True


def _p99(sorted_values: list[float]) -> float:
    return sorted_values[len(sorted_values) * 99 // 100]


def _late(name: str, seconds: float, most_ms: float, *, bare: float | None = None) -> Result:
    return _absolute(
        name, seconds * 1e3, "ms", most=most_ms, bare=None if bare is None else bare * 1e3
    )


def _absolute(
    name: str, value: float, unit: str, *, most: float, bare: float | None = None, count: int = 1
) -> Result:
    ratio = value / most
    return Result(
        name=name,
        unit=unit,
        ours=value,
        bare=bare,
        ratio=ratio,
        low=ratio,
        high=ratio,
        aim=f"at most {most:g} {unit}",
        met=value <= most,
        pairs=count,
    )


# --- sessions ------------------------------------------------------------------------------------


async def _sessions(url: str, token: str, pid: int, folder: Path, *, quick: bool) -> list[Result]:
    """Return the memory of idle sessions, and that many more can stream beside them."""
    idle = IDLE // 10 if quick else IDLE
    following = FOLLOWING // 10 if quick else FOLLOWING
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(connected(url, token))
        before = _private_kib(pid)
        for _ in range(idle):
            await stack.enter_async_context(connected(url, token))
        each = (_private_kib(pid) - before) / idle
        script = "i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); sleep 0.1; done"
        execution = await first.submit(["sh", "-c", script], folder / "workspace")
        readers = []
        for _ in range(following):
            wire = await stack.enter_async_context(connected(url, token))
            await wire.call("stream.subscribe", execution_id=execution)
            readers.append(asyncio.create_task(wire.read_to_end()))
        lengths = await asyncio.gather(*readers)
    expected = sum(len(f"line {number}\n") for number in range(50))
    whole = sum(length == expected for length in lengths) / following
    return [
        _absolute(f"memory of an idle session ({idle} of them)", each, "KiB", most=64, count=idle),
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
