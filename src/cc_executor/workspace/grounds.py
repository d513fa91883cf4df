"""Copies and worktrees in the state directory, one folder for each isolated task.

```text
grounds/TASK/state.json     written last: a ground without it was never worked on
grounds/TASK/tree           the copy or worktree
grounds/TASK/changes.patch  of a worktree
```
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from cc_executor.errors import CCExecutorError, InvalidWorkspace
from cc_executor.model.outcomes import Ground
from cc_executor.model.specs import Isolation
from cc_executor.ports.programs import RunProgram
from cc_executor.workspace.copying import copy_tree
from cc_executor.workspace.git import Git, GitFailed

_FOLDER_MODE: Final = 0o700
_STATE: Final = "state.json"
_TREE: Final = "tree"
_PATCH: Final = "changes.patch"
_LOCKS: Final = ".locks"
#: Git has refused something, did not end in time, or is not there any more.
_FAILURES: Final = (GitFailed, CCExecutorError)


class _State(msgspec.Struct, kw_only=True):
    """What is known of a ground.

    Attributes:
        workspace: What it stands for.
        prefix: Where in the tree the task works.
        top: Of the repository; empty for a copy.
        base: Commit that it began with.
        removable: Whether nothing is lost with it; None while its task has not ended.
    """

    isolation: Isolation
    workspace: str
    prefix: str = ""
    top: str = ""
    common: str = ""
    branch: str = ""
    base: str = ""
    removable: bool | None = None


class StateGrounds:
    """Implements `ports.grounds.Grounds`.

    Args:
        home: The state directory.
        run: Runs a program.
        environ: What git may inherit from.
    """

    def __init__(self, home: Path, run: RunProgram, environ: Mapping[str, str]) -> None:
        self._home = home
        self._grounds = home / "grounds"
        self._git = Git(run, environ)

    def check(self, workspace: Path, isolation: Isolation) -> None:
        """Do nothing when a task in this workspace could be isolated so."""
        if isolation == "worktree":
            self._git.repository(workspace)

    def prepare(self, task_id: str, workspace: Path, isolation: Isolation) -> Path:
        """Return where the task works: made now, or by an earlier attempt or engine."""
        folder = self._grounds / task_id
        state = _read(folder)
        if state is None:
            make = self._copied if isolation == "copy" else self._added
            try:
                folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
                state = make(task_id, folder, workspace)
                _write(folder, state)
            except OSError as error:
                problem = f"cannot be isolated: {error.strerror}"
                raise InvalidWorkspace(str(workspace), problem) from error
        where = folder / _TREE / state.prefix
        if not where.is_dir():
            raise InvalidWorkspace(str(where), "is gone")
        return where

    def save(self, task_id: str, label: str) -> None:
        """Put by what is there now: a commit on the task's branch. Doing it again adds nothing."""
        folder = self._grounds / task_id
        state = _read(folder)
        if state is None or state.isolation != "worktree":
            return
        tree = folder / _TREE
        with contextlib.suppress(*_FAILURES):  # `look` finds what is not on the branch
            self._git("add", "--all", at=tree)
            if self._git.ended("diff", "--cached", "--quiet", "--no-ext-diff", at=tree).exit_code:
                self._git("commit", "--quiet", "--no-verify", "--message", label, at=tree)
            head = self._git("rev-parse", "HEAD", at=tree)
            if self._commit_of(state) != head:  # it has left its branch
                self._git("update-ref", f"refs/heads/{state.branch}", head, at=tree)

    def look(self, task_id: str, *, changed: bool) -> Ground | None:
        """Return what has come out of it; None: there is no ground."""
        folder = self._grounds / task_id
        state = _read(folder)
        if state is None:
            return None
        tree = str(folder / _TREE)
        if state.isolation == "copy":
            state.removable = not changed
            ground = Ground(isolation="copy", path=tree if changed else None)
        else:
            ground = self._result(folder, state)
            state.removable = ground.path is None
        with contextlib.suppress(OSError):  # then it is kept
            _write(folder, state)
        return ground

    def clear(self, task_id: str) -> None:
        """Remove it if no work is lost by that. Doing it again does nothing."""
        folder = self._grounds / task_id
        state = _read(folder)
        if state is None or not state.removable:
            return
        tree = folder / _TREE
        if state.isolation == "copy":
            shutil.rmtree(folder, ignore_errors=True)
            return
        with contextlib.suppress(*_FAILURES), self._locked(Path(state.common)):
            if tree.is_dir():
                if not self._is_clean(tree):
                    return  # somebody has been here since
                self._git("worktree", "remove", str(tree), at=Path(state.top))
            if self._commit_of(state) == state.base:  # nothing was done on it
                self._git("branch", "--quiet", "-D", state.branch, at=Path(state.top))
        if not (folder / _PATCH).exists() and not tree.exists():
            shutil.rmtree(folder, ignore_errors=True)

    def uncleared(self) -> Sequence[str]:
        """Return the tasks whose ground should have been removed, and is there."""
        try:
            folders = sorted(path for path in self._grounds.iterdir() if path.name != _LOCKS)
        except FileNotFoundError:
            return ()
        states = [(path, _read(path)) for path in folders]
        return [
            path.name
            for path, state in states
            if state is not None and state.removable and (path / _TREE).exists()
        ]

    # --- copies --------------------------------------------------------------------------------

    def _copied(self, _task_id: str, folder: Path, workspace: Path) -> _State:
        tree = folder / _TREE
        shutil.rmtree(tree, ignore_errors=True)  # an earlier engine died while it copied
        try:
            copy_tree(workspace, tree, left_out=(self._home,))
        except InvalidWorkspace:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return _State(isolation="copy", workspace=str(workspace))

    # --- worktrees -----------------------------------------------------------------------------

    def _added(self, task_id: str, folder: Path, workspace: Path) -> _State:
        repository = self._git.repository(workspace)
        tree, branch = folder / _TREE, f"cc-executor/{task_id}"
        try:
            with self._locked(repository.common):
                if tree.exists():  # an earlier engine died while it added it: nobody worked there
                    self._forget(tree, branch, repository.top)
                self._git(
                    *("worktree", "add", "--quiet", "-b", branch, str(tree), repository.head),
                    at=repository.top,
                )
        except GitFailed as failed:
            raise InvalidWorkspace(str(workspace), f"got no worktree: {failed.said}") from failed
        (tree / repository.prefix).mkdir(parents=True, exist_ok=True)
        return _State(
            isolation="worktree",
            workspace=str(workspace),
            prefix=repository.prefix,
            top=str(repository.top),
            common=str(repository.common),
            branch=branch,
            base=repository.head,
        )

    def _forget(self, tree: Path, branch: str, top: Path) -> None:
        with contextlib.suppress(GitFailed):
            self._git("worktree", "unlock", str(tree), at=top)  # it is locked while it is made
        with contextlib.suppress(GitFailed):
            self._git("worktree", "remove", "--force", str(tree), at=top)
        shutil.rmtree(tree, ignore_errors=True)
        self._git("worktree", "prune", at=top)
        with contextlib.suppress(GitFailed):  # it was not made yet
            self._git("branch", "--quiet", "-D", branch, at=top)

    def _result(self, folder: Path, state: _State) -> Ground:
        tree = folder / _TREE
        ground = Ground(isolation="worktree", base=state.base, path=str(tree))
        try:
            commit = self._commit_of(state)
            clean = self._is_clean(tree) and self._git("rev-parse", "HEAD", at=tree) == commit
            if clean:
                ground = msgspec.structs.replace(ground, path=None)
            if commit == state.base:
                return ground
            patch = folder / _PATCH
            self._git(
                *("diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv"),
                *(f"--output={patch}", state.base, commit),
                at=tree,
            )
        except _FAILURES as failed:
            return msgspec.structs.replace(ground, path=str(tree), problem=str(failed))
        patch.chmod(0o600)
        return msgspec.structs.replace(ground, branch=state.branch, commit=commit, patch=str(patch))

    def _commit_of(self, state: _State) -> str:
        return self._git("rev-parse", f"refs/heads/{state.branch}", at=Path(state.top))

    def _is_clean(self, tree: Path) -> bool:
        """Tell whether everything in it is on a branch; also what git is told to ignore counts."""
        return not self._git("status", "--porcelain", "--ignored", at=tree)

    @contextlib.contextmanager
    def _locked(self, common: Path) -> Iterator[None]:
        """Hold the repository's lock: git's own worktree list does not bear two writers."""
        locks = self._grounds / _LOCKS
        locks.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        name = hashlib.sha256(os.fsencode(common)).hexdigest()[:32]
        descriptor = os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _read(folder: Path) -> _State | None:
    try:
        return msgspec.json.decode((folder / _STATE).read_bytes(), type=_State)
    except FileNotFoundError:
        return None


def _write(folder: Path, state: _State) -> None:
    unfinished = folder / f"{_STATE}.tmp"
    with unfinished.open("wb") as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / _STATE)
