"""Looking at a workspace before and after an attempt. Nothing outside it is ever looked at."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cc_executor.errors import InvalidWorkspace
from cc_executor.model.outcomes import Changes

#: Folders that version control and package managers fill; nobody means these by "files created".
IGNORED_FOLDERS: Final = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})
MAX_ENTRIES: Final = 200_000
MAX_SECONDS: Final = 20.0

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Mark(NamedTuple):
    """What changes when a file does."""

    kind: int
    size: int
    modified_ns: int
    changed_ns: int
    inode: int


class DiskWorkspaces:
    """Implements `ports.workspace.Workspaces`."""

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
        except (OSError, ValueError) as error:
            raise InvalidWorkspace(str(path), f"cannot be used: {error}") from error
        if not is_directory:
            raise InvalidWorkspace(str(path), "is not a directory")
        if not os.access(absolute, os.W_OK | os.X_OK):
            raise InvalidWorkspace(str(path), "is not writable")
        return absolute

    def look(self, path: Path) -> Snapshot:
        """Remember what is there."""
        return Snapshot(path)


class Snapshot:
    """Implements `ports.workspace.Before`.

    Args:
        path: The workspace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks, self._complete = _look(path)

    def compare(self) -> Changes:
        """Look again and return what is different. A rename is a deletion and a creation."""
        now, complete = _look(self._path)
        before = self._marks
        return Changes(
            created=_sorted(name for name in now if name not in before),
            modified=_sorted(
                name for name, mark in now.items() if name in before and before[name] != mark
            ),
            deleted=_sorted(name for name in before if name not in now),
            complete=complete and self._complete,
        )


def _sorted(names: Iterator[str]) -> tuple[str, ...]:
    # A name that is not UTF-8 must not break the JSON it goes into.
    return tuple(
        sorted(
            name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            for name in names
        )
    )


def _look(root: Path) -> tuple[dict[str, _Mark], bool]:
    marks: dict[str, _Mark] = {}
    deadline = time.monotonic() + MAX_SECONDS
    complete = True
    try:
        waiting = [("", os.open(root, _DIRECTORY & ~os.O_NOFOLLOW))]
    except OSError:
        return marks, False
    try:
        while waiting:
            prefix, descriptor = waiting.pop()
            try:
                folders, whole = _look_into(prefix, descriptor, marks)
                complete = complete and whole
                for name in folders:
                    try:
                        waiting.append(
                            (f"{prefix}{name}/", os.open(name, _DIRECTORY, dir_fd=descriptor))
                        )
                    except FileNotFoundError:
                        continue  # it went while we looked
                    except OSError:
                        complete = False
            finally:
                os.close(descriptor)
            if len(marks) > MAX_ENTRIES or time.monotonic() > deadline:
                return marks, False
    finally:
        for _, descriptor in waiting:
            os.close(descriptor)
    return marks, complete


def _look_into(prefix: str, descriptor: int, marks: dict[str, _Mark]) -> tuple[list[str], bool]:
    folders: list[str] = []
    complete = True
    with os.scandir(descriptor) as entries:
        for entry in entries:
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError:
                complete = False
                continue
            if stat.S_ISDIR(facts.st_mode):
                if entry.name not in IGNORED_FOLDERS:
                    folders.append(entry.name)
                continue
            marks[prefix + entry.name] = _Mark(
                facts.st_mode,
                facts.st_size,
                facts.st_mtime_ns,
                facts.st_ctime_ns,
                facts.st_ino,
            )
    return folders, complete
