"""Looking at a workspace before and after an attempt. Nothing outside it is ever looked at."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cc_executor.errors import InvalidWorkspace
from cc_executor.model.evidence import ClaimedFile
from cc_executor.model.outcomes import Changes, Content
from cc_executor.model.specs import Expects
from cc_executor.ports.workspace import Findings
from cc_executor.workspace.findings import contents, examine_claims, examine_expectations
from cc_executor.workspace.listing import Listing, content_of, inode_of, listing, mode_of


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

    def examine(
        self,
        path: Path,
        *,
        claimed: Sequence[ClaimedFile] | None,
        expects: Expects | None,
        changes: Changes,
    ) -> Findings:
        """Compare claims and expectations with the disk."""
        try:
            return Findings(
                () if claimed is None else examine_claims(path, claimed, changes),
                () if expects is None else examine_expectations(path, expects, changes),
            )
        except OSError as error:
            problem = f"cannot be looked at: {error.strerror}"
            raise InvalidWorkspace(str(path), problem) from error


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

        A rename is a deletion and a creation, told as a pair besides. What was not seen on one
        side is neither: a file is created only where it is known not to have been, and deleted
        only where it is known not to be.
        """
        before, now = self._before, listing(self._path, self._ignored)
        created, deleted = list(_only_in(now, before)), list(_only_in(before, now))
        modified, mode_changed = _changed(before, now)
        written = (_names(created), _names(modified))
        return Changes(
            created=written[0],
            modified=written[1],
            deleted=_names(deleted),
            renamed=tuple(sorted(_renamed(before, deleted, now, created))),
            mode_changed=_names(mode_changed),
            complete=before.complete and now.complete,
            contents=self._contents([*written[0], *written[1]]),
        )

    def _contents(self, written: Sequence[str]) -> dict[str, Content]:
        if not written:
            return {}
        try:
            return contents(self._path, written)
        except OSError:  # it has removed the ground it stood on
            return {}


def _only_in(one: Listing, other: Listing) -> Iterable[str]:
    for folder, marks in one.folders.items():
        others = other.folders.get(folder)
        if marks == others:  # nearly always, and compared without a loop of ours
            continue
        for name in marks:
            path = folder + name
            if (others is None or name not in others) and other.has_seen(path):
                yield path


def _changed(before: Listing, now: Listing) -> tuple[list[str], list[str]]:
    """Return what has another content, and what has only other permissions."""
    modified: list[str] = []
    mode_changed: list[str] = []
    for folder, marks in now.folders.items():
        others = before.folders.get(folder)
        if others is None or marks == others:
            continue
        for name, mark in marks.items():
            other = others.get(name, mark)
            if other != mark:
                only_mode = _is_same_content(other, mark) and mode_of(other) != mode_of(mark)
                (mode_changed if only_mode else modified).append(folder + name)
    return modified, mode_changed


def _renamed(
    before: Listing, deleted: Iterable[str], now: Listing, created: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield old and new path of every file that is the same file under another name."""
    by_inode = {inode_of(mark): (path, mark) for path in deleted if (mark := before.mark(path))}
    for path in created:
        mark = now.mark(path)
        if mark is None:
            continue
        old, old_mark = by_inode.get(inode_of(mark), (None, b""))
        # The same inode may be a new file, made after the old one was removed.
        if old is not None and _is_same_content(old_mark, mark):
            yield _name(old), _name(path)


def _is_same_content(one: bytes, other: bytes) -> bool:
    return content_of(one) == content_of(other)


def _names(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(map(_name, paths)))


def _name(path: str) -> str:
    r"""Return the path in characters that any JSON can hold.

    A byte that is not UTF-8 stands there as `\xe9`.
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
