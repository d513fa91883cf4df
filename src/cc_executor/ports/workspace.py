"""What an attempt changes on disk, as the engine asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from cc_executor.model.evidence import ClaimedFile, ExpectationFinding, FileFinding
from cc_executor.model.outcomes import Changes
from cc_executor.model.specs import Expects


class Findings(NamedTuple):
    """What was found on disk: for each claimed or silent file, and for each expectation."""

    files: tuple[FileFinding, ...]
    expectations: tuple[ExpectationFinding, ...]


class Before(Protocol):
    """The state of a workspace at one moment."""

    def compare(self) -> Changes:
        """Look again and return what is different. Blocking (files): call it in a thread."""
        ...


class Workspaces(Protocol):
    """Looks at workspaces."""

    def check(self, path: Path) -> Path:
        """Return the workspace as an absolute path. Blocking (files): call it in a thread.

        Raises:
            InvalidWorkspace: It does not exist, is not a directory, or cannot be written.
        """
        ...

    def look(self, path: Path) -> Before:
        """Remember what is there. Blocking (files): call it in a thread."""
        ...

    def examine(
        self,
        path: Path,
        *,
        claimed: Sequence[ClaimedFile] | None,
        expects: Expects | None,
        changes: Changes,
    ) -> Findings:
        """Compare claims and expectations with the disk. Blocking (files): call it in a thread.

        Nothing outside the workspace is read, whatever a path says. What cannot be looked at does
        not hold.

        Args:
            path: The workspace.
            claimed: What the agent named as its own; None: it was not asked.
            expects: What must hold; None: nothing.
            changes: What is different since before.

        Raises:
            InvalidWorkspace: The workspace itself cannot be looked at.
        """
        ...
