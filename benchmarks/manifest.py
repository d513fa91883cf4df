"""Looking at a workspace, against `find -printf` and `git status` on the same tree."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import Result, Stopwatch, in_pairs, summary
from cc_executor.workspace.listing import listing

_PER_FOLDER = 100
#: What `find` prints is what a manifest holds: type and mode, size, times, inode, path.
_FIND = ["find", ".", "-path", "./.git", "-prune", "-o", "-printf", "%m %s %T@ %C@ %i %p\\n"]
_GIT = ["git", "status", "--porcelain"]


async def run(*, quick: bool) -> list[Result]:
    """Return a row for each size of tree and each bare thing."""
    rows = []
    for files in (10_000,) if quick else (10_000, 200_000):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            _make(root, files)
            pairs = 5 if quick else 11
            rows.append(await _row(root, files, "find -printf", _FIND, at_most=2.0, pairs=pairs))
            # Git compares with an index that it has kept, and needs no more than one time a file.
            rows.append(await _row(root, files, "git status", _GIT, at_most=None, pairs=pairs))
    return rows


async def _row(
    root: Path, files: int, name: str, argv: list[str], *, at_most: float | None, pairs: int
) -> Result:
    async def ours() -> float:
        watch = Stopwatch()
        found = listing(root)
        seconds = watch.seconds()
        assert found.complete
        assert sum(map(len, found.folders.values())) == files
        return seconds

    async def bare() -> float:
        watch = Stopwatch()
        subprocess.run(argv, cwd=root, stdout=subprocess.DEVNULL, check=True)  # noqa: ASYNC221 - measured
        return watch.seconds()

    return summary(
        f"manifest of {files:,} files, against {name}",
        await in_pairs(ours, bare, pairs=pairs, warm_up=1),
        unit="ms",
        scale=1e3,
        aim="none: for comparison" if at_most is None else f"at most {at_most:g} x {name}",
        at_most=at_most,
    )


def _make(root: Path, files: int) -> None:
    for number in range(files // _PER_FOLDER):
        folder = root / f"{number // 100}" / f"{number % 100}"
        folder.mkdir(parents=True)
        for name in range(_PER_FOLDER):
            os.close(os.open(folder / f"module_{name}.py", os.O_CREAT | os.O_WRONLY, 0o644))
    git = ["git", "-C", str(root), "-c", "user.name=B", "-c", "user.email=b@localhost"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "files"], check=True)
