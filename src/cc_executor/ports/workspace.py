"""What an attempt changes on disk, as the engine asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cc_executor.model.outcomes import Changes


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
