"""Copies and worktrees: apart from the original, found again after a crash, never lost."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cc_executor.errors import InvalidWorkspace, NotResponding, ProgramNotInstalled
from cc_executor.ports.programs import ProgramEnded
from cc_executor.process.run import run_subprocess
from cc_executor.workspace import copying
from cc_executor.workspace.copying import copy_tree
from cc_executor.workspace.grounds import StateGrounds

TASK = "one.1"


def git(at: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", "-C", str(at), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "kept").write_text("kept")
    (folder / "sub/app.py").write_text("before")
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def grounds(home: Path) -> StateGrounds:
    return StateGrounds(home, run_subprocess, os.environ)


# --- copies ------------------------------------------------------------------------------------------


def test_a_copy_is_the_same_and_leads_nowhere_back(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    (source / "sub/script").write_text("x" * 100_000)
    (source / "sub/script").chmod(0o755)
    os.utime(source / "sub/script", ns=(1, 2_000_000_001))
    (source / "relative").symlink_to("sub/script")
    (source / "absolute").symlink_to(source / "sub/script")
    (source / "elsewhere").symlink_to("/etc/hostname")
    (source / ".git").write_text("gitdir: /somewhere")
    os.link(source / "sub/script", source / "second name")
    os.mkfifo(source / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(source / "socket"))
        copy_tree(source, target)

    names = sorted(str(path.relative_to(target)) for path in target.rglob("*"))
    assert names == ["absolute", "elsewhere", "relative", "second name", "sub", "sub/script"]
    facts = (target / "sub/script").stat()
    assert (facts.st_mode & 0o777, facts.st_mtime_ns, facts.st_nlink) == (0o755, 2_000_000_001, 1)
    assert (target / "sub/script").read_bytes() == b"x" * 100_000
    assert (target / "absolute").readlink() == target / "sub/script"
    assert (target / "relative").readlink() == Path("sub/script")
    (target / "absolute").write_text("changed")
    assert (source / "sub/script").stat().st_size == 100_000


@pytest.mark.parametrize(
    ("bound", "value", "word"),
    [("MAX_ENTRIES", 2, "more than 2 files"), ("MAX_BYTES", 9, "GiB"), ("MAX_DEPTH", 1, "deep")],
)
def test_a_copy_has_bounds_and_leaves_nothing_beyond_them(
    home: Path,
    tmp_path: Path,
    grounds: StateGrounds,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    value: int,
    word: str,
) -> None:
    source = tmp_path / "source"
    (source / "a/b").mkdir(parents=True)
    for name in ("one", "two", "a/three"):
        (source / name).write_text("12345")
    monkeypatch.setattr(copying, bound, value)

    with pytest.raises(InvalidWorkspace, match="too large to copy") as refused:
        grounds.prepare(TASK, source, "copy")

    assert word in str(refused.value)
    assert list((home / "grounds").iterdir()) == []


def test_a_home_in_the_workspace_is_not_copied_into_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "file").touch()
    grounds = StateGrounds(home, run_subprocess, os.environ)

    where = grounds.prepare(TASK, tmp_path, "copy")

    assert [path.name for path in where.iterdir()] == ["file"]


def test_a_copy_is_kept_when_something_was_changed_in_it_and_only_then(
    tmp_path: Path, grounds: StateGrounds
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("as it was")
    kept, unneeded = (grounds.prepare(task, source, "copy") for task in ("one.1", "one.2"))
    (kept / "file").write_text("changed")

    found = [grounds.look(task, changed=task == "one.1") for task in ("one.1", "one.2")]
    for task in ("one.1", "one.2", "one.2"):
        grounds.clear(task)

    assert [one.path if one else "" for one in found] == [str(kept), None]
    assert (kept.exists(), unneeded.exists()) == (True, False)
    assert (source / "file").read_text() == "as it was"
    assert grounds.uncleared() == []


def test_a_copy_that_was_begun_is_made_anew(
    tmp_path: Path, home: Path, grounds: StateGrounds
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("whole")
    begun = home / "grounds" / TASK / "tree"
    begun.mkdir(parents=True)
    (begun / "file").write_text("wh")

    where = grounds.prepare(TASK, source, "copy")

    assert (where / "file").read_text() == "whole"
    (where / "file").write_text("worked on")
    assert (grounds.prepare(TASK, source, "copy") / "file").read_text() == "worked on"


# --- worktrees ---------------------------------------------------------------------------------------


def test_work_in_a_worktree_becomes_a_branch_and_a_patch(
    repository: Path, grounds: StateGrounds
) -> None:
    where = grounds.prepare(TASK, repository / "sub", "worktree")
    assert where.name == "sub"
    (where / "app.py").write_text("after")
    (where / "new.bin").write_bytes(bytes(range(256)))
    (where.parent / "kept").unlink()

    grounds.save(TASK, "app, attempt 1")
    found = grounds.look(TASK, changed=True)
    grounds.clear(TASK)

    assert found is not None
    assert found.branch is not None
    assert (found.branch, found.path, found.problem) == ("cc-executor/one.1", None, None)
    assert not where.exists()
    assert (repository / "sub/app.py").read_text() == "before"
    assert git(repository, "log", "--format=%s", found.branch) == "app, attempt 1\nfirst"
    assert git(repository, "status", "--porcelain") == ""
    assert found.patch is not None
    git(repository, "apply", "--check", found.patch)
    git(repository, "apply", found.patch)
    assert (repository / "sub/new.bin").read_bytes() == bytes(range(256))
    assert not (repository / "kept").exists()
    assert git(repository, "worktree", "list").count("\n") == 0


def test_nothing_done_leaves_nothing(repository: Path, home: Path, grounds: StateGrounds) -> None:
    where = grounds.prepare(TASK, repository, "worktree")
    grounds.save(TASK, "x")

    found = grounds.look(TASK, changed=False)
    grounds.clear(TASK)

    assert found is not None
    assert (found.branch, found.patch, found.path) == (None, None, None)
    assert not where.exists()
    assert git(repository, "branch", "--format=%(refname:short)") == "main"
    assert not (home / "grounds" / TASK).exists()


@pytest.mark.parametrize("name", ["untracked", "ignored", "kept"])
def test_a_dirty_worktree_is_never_removed(
    repository: Path, grounds: StateGrounds, name: str
) -> None:
    where = grounds.prepare(TASK, repository, "worktree")
    grounds.save(TASK, "x")
    (where / name).write_text("what a check has left")

    found = grounds.look(TASK, changed=True)
    grounds.clear(TASK)

    assert found is not None
    assert found.path == str(where)
    assert (where / name).read_text() == "what a check has left"


def test_what_became_dirty_after_the_look_is_not_removed_either(
    repository: Path, grounds: StateGrounds
) -> None:
    where = grounds.prepare(TASK, repository, "worktree")
    assert grounds.look(TASK, changed=False) is not None
    (where / "late").touch()

    grounds.clear(TASK)

    assert (where / "late").exists()
    assert grounds.uncleared() == [TASK]


def test_each_attempt_is_a_commit_and_saving_again_adds_none(
    repository: Path, grounds: StateGrounds
) -> None:
    where = grounds.prepare(TASK, repository, "worktree")
    for number in (1, 2):
        (where / "kept").write_text(f"attempt {number}")
        grounds.save(TASK, f"attempt {number}")
        grounds.save(TASK, f"attempt {number}, again")

    said = git(repository, "log", "--format=%s", "cc-executor/one.1")
    assert said.splitlines() == ["attempt 2", "attempt 1", "first"]


def test_who_leaves_the_branch_is_followed(repository: Path, grounds: StateGrounds) -> None:
    where = grounds.prepare(TASK, repository, "worktree")
    git(where, "checkout", "--quiet", "--detach")
    (where / "kept").write_text("elsewhere")

    grounds.save(TASK, "x")
    found = grounds.look(TASK, changed=True)

    assert found is not None
    assert found.commit == git(where, "rev-parse", "HEAD")
    assert git(repository, "show", "cc-executor/one.1:kept") == "elsewhere"


def test_the_hooks_of_a_repository_are_not_run(repository: Path, grounds: StateGrounds) -> None:
    for hook in ("post-checkout", "pre-commit", "commit-msg", "post-commit"):
        path = repository / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {repository}/hooked\nexit 1\n")
        path.chmod(0o755)

    where = grounds.prepare(TASK, repository, "worktree")
    (where / "new").touch()
    grounds.save(TASK, "x")

    assert not (repository / "hooked").exists()
    assert git(repository, "log", "-1", "--format=%s", "cc-executor/one.1") == "x"


def test_what_an_engine_left_while_it_added_a_worktree_is_settled(
    repository: Path, home: Path, grounds: StateGrounds
) -> None:
    where = grounds.prepare(TASK, repository, "worktree")
    (home / "grounds" / TASK / "state.json").unlink()  # it died before it wrote this
    git(repository, "worktree", "lock", str(where))

    again = grounds.prepare(TASK, repository, "worktree")

    assert again == where
    assert (again / "kept").read_text() == "kept"
    assert git(repository, "worktree", "list").count("cc-executor/one.1") == 1


def test_many_at_once_do_not_meet(repository: Path, grounds: StateGrounds) -> None:
    tasks = [f"one.{number}" for number in range(1, 9)]

    def work(task: str) -> str | None:
        where = grounds.prepare(task, repository, "worktree")
        (where / "kept").write_text(task)
        grounds.save(task, task)
        found = grounds.look(task, changed=True)
        grounds.clear(task)
        return found.branch if found else None

    with ThreadPoolExecutor(8) as pool:
        branches = list(pool.map(work, tasks))

    assert branches == [f"cc-executor/{task}" for task in tasks]
    assert [git(repository, "show", f"{branch}:kept") for branch in branches] == tasks
    assert git(repository, "worktree", "list").count("\n") == 0


def test_a_repository_is_changed_by_one_at_a_time(repository: Path, home: Path) -> None:
    lock, at_work, most = threading.Lock(), 0, 0

    def run(
        cmd: Sequence[str],
        timeout_s: float,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> ProgramEnded:
        nonlocal at_work, most
        changes = "worktree" in cmd
        with lock:
            at_work += changes
            most = max(most, at_work)
        try:
            return run_subprocess(cmd, timeout_s, env=env, cwd=cwd)
        finally:
            with lock:
                at_work -= changes

    grounds = StateGrounds(home, run, os.environ)
    with ThreadPoolExecutor(8) as pool:
        paths = pool.map(
            lambda number: grounds.prepare(f"one.{number}", repository, "worktree"), range(8)
        )
        assert all(path.is_dir() for path in paths)

    assert most == 1


def test_where_there_can_be_no_worktree_it_says_why(
    tmp_path: Path, home: Path, grounds: StateGrounds
) -> None:
    plain, empty = tmp_path / "plain", tmp_path / "empty"
    for folder in (plain, empty):
        folder.mkdir()
    git(empty, "init", "--quiet")

    with pytest.raises(InvalidWorkspace, match="in no git repository"):
        grounds.check(plain, "worktree")
    with pytest.raises(InvalidWorkspace, match="without a commit"):
        grounds.check(empty, "worktree")
    with pytest.raises(ProgramNotInstalled):
        StateGrounds(home, run_subprocess, {"PATH": str(plain)}).check(empty, "worktree")
    grounds.check(plain, "copy")


def test_when_git_fails_the_worktree_is_kept_and_it_says_so(
    repository: Path, home: Path, grounds: StateGrounds
) -> None:
    where = grounds.prepare(TASK, repository, "worktree")
    (where / "kept").write_text("work")

    slow = StateGrounds(home, _slow_for({"commit", "status"}), os.environ)
    gone = StateGrounds(home, run_subprocess, {"PATH": "/nowhere"})
    for failing, word in ((slow, "git did not answer"), (gone, "git is needed")):
        failing.save(TASK, "x")
        found = failing.look(TASK, changed=True)
        failing.clear(TASK)

        assert found is not None
        assert found.path == str(where)
        assert word in (found.problem or "")
    assert (where / "kept").read_text() == "work"


def _slow_for(words: set[str]) -> Callable[..., ProgramEnded]:
    def run(
        cmd: Sequence[str],
        timeout_s: float,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> ProgramEnded:
        if words & set(cmd):
            raise NotResponding("git", 1)
        return run_subprocess(cmd, timeout_s, env=env, cwd=cwd)

    return run
