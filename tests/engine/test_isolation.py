"""Isolated tasks, from the list to the outcome, and over the death of their engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.errors import InvalidSpec, InvalidWorkspace
from cc_executor.workspace.grounds import StateGrounds

PYTHON = [sys.executable, "-I", "-S", "-c"]
WRITES = [*PYTHON, "open('app.py', 'w').write('hello')"]


def git(at: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", "-C", str(at), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(workspace: Path) -> Path:
    git(workspace, "init", "--quiet", "--initial-branch=main")
    (workspace / "kept").write_text("kept")
    git(workspace, "add", "--all")
    git(workspace, "commit", "--quiet", "--message", "first")
    return workspace


async def test_a_copy_takes_what_a_task_writes(executor: Executor, workspace: Path) -> None:
    (workspace / "kept").write_text("kept")

    ended = await executor.run(
        [
            {
                "command": [*PYTHON, "open('app.py', 'w').write(open('kept').read())"],
                "isolation": "copy",
                "expects": {"files": ["app.py"], "contains": {"app.py": "kept"}},
                "checks": [["test", "-f", "app.py"]],
            },
            {"command": ["test", "!", "-e", "app.py"]},
        ]
    )

    assert ended.ok, [task.outcome for task in ended.tasks]
    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.ground is not None
    assert outcome.ground.path is not None
    assert (Path(outcome.ground.path) / "app.py").read_text() == "kept"
    assert outcome.changes.created == ("app.py",)
    assert [path.name for path in workspace.iterdir()] == ["kept"]
    assert (await executor.verify(ended.id)).intact
    assert ended.tasks[0].to_json()["ground"]["path"] == outcome.ground.path


async def test_a_worktree_gives_a_branch_also_when_the_task_fails(
    executor: Executor, repository: Path, home: Path
) -> None:
    ended = await executor.run(
        [
            {"command": WRITES, "isolation": "worktree", "checks": [["test", "-f", "app.py"]]},
            {"command": WRITES, "isolation": "worktree", "checks": [["false"]]},
            {"command": ["true"], "isolation": "worktree"},
        ],
        sequential=False,
        stop_on_failure=False,
    )

    grounds = [task.outcome.ground for task in ended.tasks if task.outcome]
    assert [task.ok for task in ended.tasks] == [True, False, True]
    assert [one.branch if one else "" for one in grounds] == [
        f"cc-executor/{ended.id}.1",
        f"cc-executor/{ended.id}.2",
        None,
    ]
    assert git(repository, "show", f"cc-executor/{ended.id}.2:app.py") == "hello"
    assert git(repository, "status", "--porcelain") == ""
    assert not (home / "grounds" / f"{ended.id}.1" / "tree").exists()
    assert (await executor.verify(ended.id)).intact


async def test_what_a_check_leaves_is_not_on_the_branch(
    executor: Executor, repository: Path
) -> None:
    ended = await executor.run(
        [{"command": WRITES, "isolation": "worktree", "checks": [["touch", "left"]]}]
    )

    outcome = ended.tasks[0].outcome
    assert outcome is not None
    assert outcome.ground is not None
    files = git(repository, "ls-tree", "--name-only", str(outcome.ground.branch)).splitlines()
    assert files == ["app.py", "kept"]
    assert outcome.ground.path is not None  # not clean: not removed
    assert (Path(outcome.ground.path) / "left").exists()


async def test_what_cannot_be_isolated_is_refused_before_anything_runs(
    executor: Executor,
) -> None:
    with pytest.raises(InvalidWorkspace, match="in no git repository"):
        await executor.run([{"command": ["true"], "isolation": "worktree"}])
    with pytest.raises(InvalidSpec, match="must be one of none, copy, worktree"):
        await executor.run([{"command": ["true"], "isolation": "jail"}])
    assert await executor.list() == ()


async def test_a_worktree_that_a_dead_engine_left_is_cleared_by_the_next(
    config: CCExecutorConfig, repository: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(StateGrounds, "clear", lambda *_: None)  # it dies before this
        async with Executor(config) as executor:
            ended = await executor.run([{"command": WRITES, "isolation": "worktree"}])
    tree = home / "grounds" / f"{ended.id}.1" / "tree"
    assert tree.exists()

    async with Executor(config):
        pass

    assert not tree.exists()
    assert git(repository, "show", f"cc-executor/{ended.id}.1:app.py") == "hello"
