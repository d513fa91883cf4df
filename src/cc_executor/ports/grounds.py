"""Where isolated tasks work, as the engine asks for it. Blocking (files, programs): use a thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cc_executor.model.outcomes import Ground
from cc_executor.model.specs import Isolation


class Grounds(Protocol):
    """Copies and worktrees of workspaces, one for each task that wants one.

    They keep the work of tasks apart; they are no sandbox. Whatever is done to the engine, a ground
    is found again by its task's id, and one that holds work which is nowhere else is never removed.
    """

    def check(self, workspace: Path, isolation: Isolation) -> None:
        """Do nothing when a task in this workspace could be isolated so.

        Raises:
            InvalidWorkspace, ProgramNotInstalled: It could not.
        """
        ...

    def prepare(self, task_id: str, workspace: Path, isolation: Isolation) -> Path:
        """Return where the task works: made now, or by an earlier attempt or engine.

        Raises:
            InvalidWorkspace, ProgramNotInstalled: It cannot be made; nothing is left of the try.
        """
        ...

    def save(self, task_id: str, label: str) -> None:
        """Put by what is there now: a commit on the task's branch. Doing it again adds nothing."""
        ...

    def look(self, task_id: str, *, changed: bool) -> Ground | None:
        """Return what has come out of it; None: there is no ground.

        Args:
            task_id: Whose.
            changed: Whether the task has changed anything, as far as was seen.
        """
        ...

    def clear(self, task_id: str) -> None:
        """Remove it if no work is lost by that. Doing it again does nothing."""
        ...

    def uncleared(self) -> Sequence[str]:
        """Return the tasks whose ground should have been removed, and is there."""
        ...
