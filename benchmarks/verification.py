"""What checking costs: a task of one second with expectations and a check, and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Result, Stopwatch, in_pairs, summary
from cc_executor.client.executor import Executor

_TASK: dict[str, Any] = {"command": ["sh", "-c", "echo hello > made.txt; sleep 1"]}
_CHECKED: dict[str, Any] = {
    **_TASK,
    "expects": {"files": ["made.txt"], "absent": ["gone"], "contains": {"made.txt": "hello"}},
    "checks": [["grep", "-q", "hello", "made.txt"]],
}


async def run(executor: Executor, workspace: Path, *, pairs: int) -> list[Result]:
    """Return one row."""

    async def timed(task: dict[str, Any]) -> float:
        (workspace / "made.txt").unlink(missing_ok=True)
        watch = Stopwatch()
        ended = await executor.run([task], workspace=workspace)
        seconds = watch.seconds()
        assert ended.ok, ended
        return seconds

    measured = await in_pairs(lambda: timed(_CHECKED), lambda: timed(_TASK), pairs=pairs, warm_up=1)
    return [
        summary(
            "a one-second task, checked, against unchecked",
            measured,
            unit="ms",
            scale=1e3,
            aim="at most 1.05 x unchecked",
            at_most=1.05,
        )
    ]
