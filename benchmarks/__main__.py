"""`python -m benchmarks [--quick] [--server]`: measure, print a table, write the page and the rows.

The page is docs/benchmarks.md. Nothing is written where less was measured: `--quick` takes fewer
pairs, `--server` only the rows of the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import (
    forecast,
    latency,
    manifest,
    memory,
    server,
    startup,
    throughput,
    verification,
)
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

_EXPLANATION = """
## Where the time goes

**A submit to its end.** A bare `subprocess.run` of `true` is one fork, one exec and one wait. Between
our submit and its end there are two commits to the store with a flush each (the execution with the
intent of its first attempt, then its end), a folder, a lock that is claimed by link, an outcome that
is renamed into place, two looks at the workspace, and a supervisor that outlives us. The row with two
flushes shows what of that is the disk. The rest is computing, most of it Python: parts measured on two
cores with the files in memory (fastest fifth of 300 runs, other work on the machine, the bare run
takes 0.9 ms), about 4.5 ms in all:

| part | ms |
|---|---|
| checking the list, preparing its first attempt, claiming its ownership | 0.8 |
| first commit; meanwhile the folder, the look at the workspace, a supervisor that gets ready | 1.1 |
| the word to start, the lock, fork and exec, the answer | 0.8 |
| the program's own life, its reaping, its outcome | 0.8 |
| reading what it said, comparing the workspace | 0.4 |
| second commit | 0.4 |
| reading the result from the store | 0.3 |

Each hop between threads and processes costs 50 to 100 microseconds on an idle machine, and milliseconds
where others compete for the cores. The engine alone computes for about 3 ms a run (about 3.5 ms before
the creation and the first intent were one commit), the supervisor for 0.5 ms: with the 0.9 ms of the
program itself that is nearly five times a bare run, less what two cores do side by side. Four times is
not met, and will not be before there is less to compute. Rows that do the same differ by when they come:
the store's log still grows in the first of them, and a flush of a file that grows took 0.22 ms here, of
one that does not 0.08 ms. That explains a part of the difference; the rest is not explained yet.

**Capture.** Every byte is read (4.5 GB/s on the core that measured this), summed (CRC-32, 4.2 GB/s) and
written to the page cache (3.9 GB/s): together 1.4 GB/s on one core, while a bare read with a core for
itself reaches 3 to 5 GB/s: 0.29 of the fastest. The second row compares with exactly that loop. The
checksum is what a reader and a recovery prove the bytes by, so it stays. A second thread for it would
take the core that the agent computes on.

**The server.** Bytes go from the program through a pipe, the supervisor's journal on the disk, the
server and a WebSocket to a client in Python, on the same two cores; the bare pipe and `websocketd` keep
nothing. `websocketd` (Debian's package of that name) is measured where it is installed, its text mode
against our text, its binary mode against `encoding: "binary"`. On one core the server's loop takes 1.5
ns a byte for text and 0.9 for binary; the reading of the journal with its checksum 0.9. A submit over
an open connection is the submit above plus two messages each way: with two commits, a supervisor and
a fork it is no three times a bare program, as the row with two flushes shows. `bare` of the lags is a
loop with nothing to do in a process of its own at the same time: what the machine itself makes late.
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
    rows += await measure_server(quick=quick)
    rows += await manifest.run(quick=quick)
    return rows + await startup.run()


async def measure_server(*, quick: bool) -> list[Result]:
    """Return the rows of the server: some minutes, one of them for the lag of its loop."""
    with tempfile.TemporaryDirectory() as folder:
        return await server.run(quick=quick, folder=Path(folder))


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
    only_server = "--server" in sys.argv[1:]
    rows = asyncio.run(measure_server(quick=quick) if only_server else measure(quick=quick))
    print(table(rows))
    if not quick and not only_server:
        ROWS.write_text("".join(json.dumps(row.as_row()) + "\n" for row in rows))
        machine = (
            f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores.\n\n"
        )
        PAGE.write_text(_INTRODUCTION + machine + table(rows) + _EXPLANATION)
        forecast.main()


if __name__ == "__main__":
    main()
