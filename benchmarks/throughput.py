"""How fast output is captured, against a bare read of the same pipe."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path

from benchmarks.measure import Result, Stopwatch, in_pairs, summary
from cc_executor.client.executor import Executor
from cc_executor.journal.records import MAX_CHUNK_BYTES

SIZE_BYTES = 512 * 1024 * 1024
ARGV = ["head", "-c", str(SIZE_BYTES), "/dev/zero"]


async def run(executor: Executor, workspace: Path, *, pairs: int) -> list[Result]:
    """Return rows: bytes per second, journal and supervision included."""

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

    async def least() -> float:
        """Do what every capture with checksums must: read, sum, and write, in one loop."""
        watch = Stopwatch()
        view = memoryview(bytearray(MAX_CHUNK_BYTES))
        copied = 0
        path = workspace / "copy"
        with (
            subprocess.Popen(ARGV, stdout=subprocess.PIPE) as process,  # noqa: ASYNC220 - measured
            path.open("wb", buffering=0) as copy,
        ):
            assert process.stdout is not None
            while count := os.readv(process.stdout.fileno(), [view]):
                zlib.crc32(view[:count])
                copied += copy.write(view[:count])
        assert copied == SIZE_BYTES
        seconds = watch.seconds()
        path.unlink()
        return SIZE_BYTES / seconds

    return [
        summary(
            "capture throughput: 512 MiB",
            await in_pairs(ours, bare, pairs=pairs, warm_up=1),
            unit="MB/s",
            scale=1e-6,
            aim="at least 1/3 of a bare pipe read",
            at_least=1 / 3,
        ),
        summary(
            "capture throughput, against a loop that reads, sums and writes",
            await in_pairs(ours, least, pairs=pairs, warm_up=1),
            unit="MB/s",
            scale=1e-6,
            aim="at least 3/4 of the least that must be done",
            at_least=3 / 4,
        ),
    ]
