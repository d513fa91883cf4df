"""`python -m benchmarks [--quick]`: measure, print a table, write docs/benchmarks.md and the rows."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import latency, manifest, memory, startup, throughput, verification
from benchmarks.measure import Result
from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "benchmarks" / "results.jsonl"
PAGE = ROOT / "docs" / "benchmarks.md"

_INTRODUCTION = """\
# Benchmarks

Written by `make bench`; each row was measured in one run, ours and the bare thing in turn. Machines
differ and are noisy: the ratios count, not the milliseconds. `ratio` is the median over all pairs,
with the 10th and 90th percentile beside it.

"""


async def measure(*, quick: bool) -> list[Result]:
    """Return all rows."""
    pairs = 10 if quick else 60
    with tempfile.TemporaryDirectory() as folder:
        home, workspace = Path(folder, "home"), Path(folder, "workspace")
        home.mkdir(mode=0o700)
        workspace.mkdir()
        async with Executor(CCExecutorConfig(home=home)) as executor:
            rows = await latency.run(executor, workspace, pairs=pairs)
            rows += await throughput.run(executor, workspace, pairs=2 if quick else 5)
            rows += await memory.run(executor, workspace)
            rows += await verification.run(executor, workspace, pairs=3 if quick else 10)
    rows += await manifest.run(quick=quick)
    return rows + await startup.run()


def table(rows: list[Result]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| what | ours | bare | ratio (p10 to p90) | aim | met |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        bare = "" if row.bare is None else f"{row.bare:.2f} {row.unit}"
        lines.append(
            f"| {row.name} | {row.ours:.2f} {row.unit} | {bare} "
            f"| {row.ratio:.2f} ({row.low:.2f} to {row.high:.2f}) | {row.aim} "
            f"| {'yes' if row.met else 'no'} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run from the command line."""
    quick = "--quick" in sys.argv[1:]
    rows = asyncio.run(measure(quick=quick))
    print(table(rows))
    if not quick:
        ROWS.write_text("".join(json.dumps(row.as_row()) + "\n" for row in rows))
        machine = (
            f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores.\n\n"
        )
        PAGE.write_text(_INTRODUCTION + machine + table(rows))


if __name__ == "__main__":
    main()
