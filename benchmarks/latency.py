"""From submit to the first byte and to completion, against a bare `subprocess.run`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.measure import Result, Stopwatch, in_pairs, summary
from cc_executor.client.executor import Executor
from cc_executor.model.events import Output

#: As much as one commit adds to the store's log.
FLUSHED_BYTES = 40 * 1024
COMMANDS = {"true": ["true"], "sh -c 'echo hi'": ["sh", "-c", "echo hi"]}


async def run(executor: Executor, workspace: Path, *, pairs: int) -> list[Result]:
    """Return rows for both commands."""
    rows = []
    for name, argv in COMMANDS.items():

        async def ours(argv: list[str] = argv) -> float:
            watch = Stopwatch()
            ended = await executor.run([{"command": argv}], workspace=workspace)
            seconds = watch.seconds()
            assert ended.ok, ended
            return seconds

        async def bare(argv: list[str] = argv) -> float:
            watch = Stopwatch()
            subprocess.run(argv, cwd=workspace, capture_output=True, check=True)  # noqa: ASYNC221 - measured
            return watch.seconds()

        measured = await in_pairs(ours, bare, pairs=pairs)
        rows.append(
            summary(
                f"submit to completion: {name}",
                measured,
                unit="ms",
                scale=1e3,
                aim="at most 4 x subprocess.run",
                at_most=4.0,
            )
        )
    rows.append(await _against_the_disk(executor, workspace, pairs=pairs))
    rows.append(await _first_byte(executor, workspace, pairs=pairs))
    return rows


async def _against_the_disk(executor: Executor, workspace: Path, *, pairs: int) -> Result:
    """Compare with the bare program and as many flushes to the disk as durability takes: two."""
    page = bytes(FLUSHED_BYTES)
    file = os.open(workspace / "flushed", os.O_RDWR | os.O_CREAT)

    async def ours() -> float:
        watch = Stopwatch()
        ended = await executor.run([{"command": ["true"]}], workspace=workspace)
        seconds = watch.seconds()
        assert ended.ok, ended
        return seconds

    async def bare() -> float:
        watch = Stopwatch()
        for _ in range(2):
            os.pwrite(file, page, 0)
            os.fdatasync(file)
        subprocess.run(["true"], cwd=workspace, capture_output=True, check=True)  # noqa: ASYNC221 - measured
        return watch.seconds()

    try:
        return summary(
            "submit to completion: true, against subprocess.run and two flushes",
            await in_pairs(ours, bare, pairs=pairs),
            unit="ms",
            scale=1e3,
            aim="at most 4 x the program and the disk",
            at_most=4.0,
        )
    finally:
        os.close(file)


async def _first_byte(executor: Executor, workspace: Path, *, pairs: int) -> Result:
    argv = COMMANDS["sh -c 'echo hi'"]

    async def ours() -> float:
        watch = Stopwatch()
        submitted = await executor.submit([{"command": argv}], workspace=workspace)
        seconds = 0.0
        async for event in executor.stream(submitted.id, agent_events=False):
            if isinstance(event, Output):
                seconds = watch.seconds()
                break
        await executor.wait(submitted.id)
        return seconds

    async def bare() -> float:
        watch = Stopwatch()
        with subprocess.Popen(argv, cwd=workspace, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220 - measured
            assert process.stdout is not None
            process.stdout.read(1)
            return watch.seconds()

    return summary(
        "submit to first byte: sh -c 'echo hi'",
        await in_pairs(ours, bare, pairs=pairs),
        unit="ms",
        scale=1e3,
        aim="at most 4 x subprocess",
        at_most=4.0,
    )
