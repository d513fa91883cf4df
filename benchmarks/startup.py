"""What `import cc_executor` and `cc-executor --help` cost, against an empty interpreter."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.measure import Result, Stopwatch, in_pairs, summary

PAIRS = 15


async def run() -> list[Result]:
    """Return one row each."""

    async def empty() -> float:
        return _seconds([sys.executable, "-c", "pass"])

    async def imported() -> float:
        return _seconds([sys.executable, "-c", "import cc_executor"])

    async def helped() -> float:
        return _seconds([sys.executable, "-m", "cc_executor", "--help"])

    import_rows = await in_pairs(imported, empty, pairs=PAIRS)
    help_rows = await in_pairs(helped, empty, pairs=PAIRS)
    return [
        summary(
            "import cc_executor",
            import_rows,
            unit="ms",
            scale=1e3,
            aim="at most 3 x an empty interpreter",
            at_most=3.0,
        ),
        summary(
            "cc-executor --help",
            help_rows,
            unit="ms",
            scale=1e3,
            aim="under 250 ms (see `ours`); at most 12 x an empty interpreter",
            at_most=12.0,
        ),
    ]


def _seconds(argv: list[str]) -> float:
    watch = Stopwatch()
    subprocess.run(argv, capture_output=True, check=True)
    return watch.seconds()
