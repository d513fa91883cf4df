"""Looking at a workspace before and after an attempt. Nothing outside it is ever looked at."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from cc_executor.errors import InvalidWorkspace
from cc_executor.model.outcomes import Changes
from cc_executor.workspace.listing import Listing, listing


class DiskWorkspaces:
    """Implements `ports.workspace.Workspaces`.

    Args:
        ignored: Directories that are nobody's work, wherever they are: the state directory, which
            lies in the workspace of whoever works in their home.
    """

    def __init__(self, *, ignored: Sequence[Path] = ()) -> None:
        self._ignored = tuple(ignored)

    def check(self, path: Path) -> Path:
        """Return the workspace as an absolute path.

        Raises:
            InvalidWorkspace: It does not exist, is not a directory, or cannot be written.
        """
        absolute = path.absolute()
        try:
            is_directory = stat.S_ISDIR(absolute.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            raise InvalidWorkspace(str(path), "does not exist") from None
        except OSError as error:
            raise InvalidWorkspace(str(path), f"cannot be used: {error.strerror}") from error
        except ValueError as error:  # a NUL byte in its name
            raise InvalidWorkspace(str(path), f"cannot be used: {error}") from error
        if not is_directory:
            raise InvalidWorkspace(str(path), "is not a directory")
        if not os.access(absolute, os.W_OK | os.X_OK):
            raise InvalidWorkspace(str(path), "is not writable")
        return absolute

    def look(self, path: Path) -> Snapshot:
        """Remember what is there."""
        return Snapshot(path, self._ignored)


class Snapshot:
    """Implements `ports.workspace.Before`.

    Args:
        path: The workspace.
        ignored: Directories that are not looked into.
    """

    def __init__(self, path: Path, ignored: Sequence[Path] = ()) -> None:
        self._path = path
        self._ignored = ignored
        self._before = listing(path, ignored)

    def compare(self) -> Changes:
        """Look again and return what is different.

        A rename is a deletion and a creation. What was not seen on one side is neither: a file
        is created only where it is known not to have been, and deleted only where it is known not
        to be.
        """
        before, now = self._before, listing(self._path, self._ignored)
        return Changes(
            created=_names(_only_in(now, before)),
            modified=_names(_changed(before, now)),
            deleted=_names(_only_in(before, now)),
            complete=before.complete and now.complete,
        )


def _only_in(one: Listing, other: Listing) -> Iterable[str]:
    for folder, marks in one.folders.items():
        others = other.folders.get(folder)
        if marks == others:  # nearly always, and compared without a loop of ours
            continue
        for name in marks:
            path = folder + name
            if (others is None or name not in others) and other.has_seen(path):
                yield path


def _changed(before: Listing, now: Listing) -> Iterable[str]:
    for folder, marks in now.folders.items():
        others = before.folders.get(folder)
        if others is None or marks == others:
            continue
        for name, mark in marks.items():
            if others.get(name, mark) != mark:
                yield folder + name


def _names(paths: Iterable[str]) -> tuple[str, ...]:
    r"""Return the paths sorted, in characters that any JSON can hold.

    A byte that is not UTF-8 stands there as `\xe9`.
    """
    return tuple(
        sorted(
            path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            for path in paths
        )
    )
