"""The few things that are asked of git, each bounded, none of them running a repository's hooks."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from cc_executor.errors import (
    InvalidWorkspace,
    NotResponding,
    ProgramNotInstalled,
    SpawnFailed,
)
from cc_executor.ports.programs import ProgramEnded, RunProgram

_TIMEOUT_S: Final = 600.0
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CONFIG_HOME")
#: A repository's own settings start no program of theirs here.
_ALWAYS: Final = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "user.name=CC Executor",
    "-c",
    "user.email=cc-executor@localhost",
)


class GitFailed(Exception):
    """Git has refused something.

    Attributes:
        said: What it said, on one line.
    """

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Repository(NamedTuple):
    """Where a workspace stands in its repository.

    Attributes:
        top: Of the working tree.
        common: The repository itself; the same for all its worktrees.
        prefix: The workspace relative to the top; empty or ending in `/`.
        head: The commit that is checked out.
    """

    top: Path
    common: Path
    prefix: str
    head: str


class Git:
    """Runs git. Blocking (a program, 10 minutes at most).

    Args:
        run: Runs a program.
        environ: What it may inherit from.
    """

    def __init__(self, run: RunProgram, environ: Mapping[str, str]) -> None:
        self._run = run
        self._search_path = environ.get("PATH")
        self._environ = {name: environ[name] for name in _INHERITED if name in environ}
        self._environ |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}

    def repository(self, workspace: Path) -> Repository:
        """Return where the workspace stands.

        Raises:
            InvalidWorkspace: It is in no repository, or in one without a commit.
            ProgramNotInstalled: There is no git.
        """
        what = ("--show-toplevel", "--git-common-dir", "--show-prefix")
        try:
            said = self("rev-parse", "--path-format=absolute", *what, at=workspace).split("\n")
        except GitFailed as failed:
            problem = f"is in no git repository that could have a worktree: {failed.said}"
            raise InvalidWorkspace(str(workspace), problem) from None
        try:
            head = self("rev-parse", "--verify", "HEAD^{commit}", at=workspace)
        except GitFailed:
            problem = "is in a git repository without a commit"
            raise InvalidWorkspace(str(workspace), problem) from None
        top, common, prefix = (*said, "", "")[:3]
        return Repository(Path(top), Path(common), prefix, head)

    def __call__(self, *arguments: str, at: Path) -> str:
        """Return what git says, without its last newline.

        Args:
            *arguments: Its own.
            at: Where it runs.

        Raises:
            GitFailed: It refused, or did not end in time.
            ProgramNotInstalled: There is none.
        """
        try:
            ended = self.ended(*arguments, at=at)
        except (NotResponding, SpawnFailed) as refusal:
            raise GitFailed(str(refusal)) from refusal
        if ended.exit_code != 0:
            raise GitFailed(_first_line(ended))
        return ended.stdout.decode(errors="surrogateescape").removesuffix("\n")

    def ended(self, *arguments: str, at: Path) -> ProgramEnded:
        """Return how git ended.

        Raises:
            ProgramNotInstalled: There is none.
            SpawnFailed, NotResponding: It could not be started, or did not end in time.
        """
        program = shutil.which("git", path=self._search_path)
        if program is None:
            raise ProgramNotInstalled("git", "for worktrees")
        argv = [program, "-C", str(at), *_ALWAYS, *arguments]
        return self._run(argv, _TIMEOUT_S, env=self._environ)


def _first_line(ended: ProgramEnded) -> str:
    said = ended.stderr.decode(errors="replace").strip().split("\n")[0]
    return said.removeprefix("fatal: ") or f"git ended with {ended.exit_code}"
