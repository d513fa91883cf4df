"""Private memory of what stands between the engine and one running attempt."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from benchmarks.measure import Result
from cc_executor.client.executor import Executor

ATTEMPTS = 20
BOUND_MIB = 12.0
_PRIVATE = re.compile(r"^Private_\w+:\s+(\d+) kB$", re.MULTILINE)


async def run(executor: Executor, workspace: Path) -> list[Result]:
    """Return one row: mean private memory of a supervisor with a silent child."""
    ready = [workspace / f"ready-{number}" for number in range(ATTEMPTS)]
    tasks = []
    for path in ready:
        fifo = path.with_suffix(".fifo")
        await asyncio.to_thread(os.mkfifo, fifo)  # nobody writes to it: the child waits
        script = f"echo $PPID > {path}.new && mv {path}.new {path} && exec cat {fifo}"
        tasks.append({"command": ["sh", "-c", script]})
    submitted = [await executor.submit([task], workspace=workspace) for task in tasks]
    async with asyncio.timeout(60):
        while not all(path.exists() for path in ready):  # noqa: ASYNC110 - files do not ring
            await asyncio.sleep(0.05)
    private_mib = [_private_mib(int(path.read_text())) for path in ready]
    for one in submitted:
        await executor.cancel(one.id, now=True)
    mean = sum(private_mib) / len(private_mib)
    return [
        Result(
            name="private memory per supervised attempt",
            unit="MiB",
            ours=mean,
            bare=None,
            ratio=mean / BOUND_MIB,
            low=min(private_mib) / BOUND_MIB,
            high=max(private_mib) / BOUND_MIB,
            aim="at most 12 MiB",
            met=mean <= BOUND_MIB,
            pairs=ATTEMPTS,
        )
    ]


def _private_mib(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(found) for found in _PRIVATE.findall(rollup)) / 1024
