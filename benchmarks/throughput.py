"""How fast output is captured, against a bare read of the same pipe."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.measure import Result, Stopwatch, in_pairs, summary
from cc_executor.client.executor import Executor

SIZE_BYTES = 512 * 1024 * 1024
ARGV = ["head", "-c", str(SIZE_BYTES), "/dev/zero"]


async def run(executor: Executor, workspace: Path, *, pairs: int) -> list[Result]:
    """Return one row: bytes per second, journal and supervision included."""

    async def ours() -> float:
        watch = Stopwatch()
        ended = await executor.run([{"command": ARGV}], workspace=workspace)
        seconds = watch.seconds()
        outcome = ended.tasks[0].outcome
        assert outcome is not None
        assert outcome.executed is not None
        assert outcome.executed.output_bytes == SIZE_BYTES
        (executor.settings.home / "executions" / ended.id / "1" / "1" / "output").unlink()
        return SIZE_BYTES / seconds

    async def bare() -> float:
        watch = Stopwatch()
        read = 0
        with subprocess.Popen(ARGV, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220 - measured
            assert process.stdout is not None
            while data := os.read(process.stdout.fileno(), 64 * 1024):
                read += len(data)
        assert read == SIZE_BYTES
        return SIZE_BYTES / watch.seconds()

    return [
        summary(
            "capture throughput: 512 MiB",
            await in_pairs(ours, bare, pairs=pairs, warm_up=1),
            unit="MB/s",
            scale=1e-6,
            aim="at least 1/3 of a bare pipe read",
            at_least=1 / 3,
        )
    ]
