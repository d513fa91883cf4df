"""What is in a directory tree, at one moment, within bounds.

Every folder is opened relative to the one it is in, and never through a symbolic link: whatever
renames and swaps go on meanwhile, the walk stays inside.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

#: Folders that version control, package managers and interpreters fill: nobody means what is in
#: them by "files created", and looking at them would cost more than all the rest.
IGNORED_FOLDERS: Final = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})
#: Files and folders: a tree of 200,000 files is looked at whole.
MAX_ENTRIES: Final = 250_000
MAX_SECONDS: Final = 20.0
#: Each level keeps one descriptor open.
MAX_DEPTH: Final = 128

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: Type and mode, size, modification, change of status, inode: one of them changes when a file
#: does. Packed, 200,000 files take 30 MB.
_MARK: Final = struct.Struct("=IqqqQ")


def mode_of(mark: bytes) -> int:
    """Return type and permissions."""
    mode: int = _MARK.unpack(mark)[0]
    return mode


def content_of(mark: bytes) -> tuple[int, int, int]:
    """Return what changes with a file's content: size, modification, inode."""
    _, size, modified_ns, _, inode = _MARK.unpack(mark)
    return size, modified_ns, inode


def inode_of(mark: bytes) -> int:
    """Return the inode."""
    inode: int = _MARK.unpack(mark)[-1]
    return inode


class Listing:
    """The regular files and symbolic links of a tree.

    Attributes:
        folders: By path of the folder (`` or ending in `/`): marks by name.
        unseen: Folders whose content was not, or not wholly, looked at.
    """

    __slots__ = ("folders", "unseen")

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, bytes]] = {}
        self.unseen: set[str] = set()

    @property
    def complete(self) -> bool:
        """Whether everything was looked at."""
        return not self.unseen

    def mark(self, path: str) -> bytes | None:
        """Return the mark of a file that is listed, None of any other."""
        folder, slash, name = path.rpartition("/")
        return self.folders.get(folder + slash, {}).get(name)

    def has_seen(self, path: str) -> bool:
        """Tell whether `path` would be listed if it were there."""
        if not self.unseen:
            return True
        return "" not in self.unseen and not any(
            path[: at + 1] in self.unseen for at, character in enumerate(path) if character == "/"
        )


class _Open:
    """A folder that is being walked: its descriptor, and the folders in it that are left."""

    __slots__ = ("descriptor", "left", "path")

    def __init__(self, path: str, descriptor: int, left: Iterator[str]) -> None:
        self.path = path
        self.descriptor = descriptor
        self.left = left


def listing(root: Path, ignored: Sequence[Path] = ()) -> Listing:
    """Return what is in `root` now. Blocking (files), for `MAX_SECONDS` at most.

    What goes away meanwhile is as good as never there; a `root` that is gone is an empty one.

    Args:
        root: Where to begin.
        ignored: Directories that are not looked into.
    """
    return _Walk(ignored).run(root)


def _identity(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino


class _Walk:
    def __init__(self, ignored: Sequence[Path]) -> None:
        self._ignored: set[tuple[int, int]] = set()
        for folder in ignored:
            with contextlib.suppress(OSError):  # what is not there needs no ignoring
                self._ignored.add(_identity(folder.stat()))
        self._found = Listing()
        self._entries = 0
        self._ends_at = time.monotonic() + MAX_SECONDS

    def run(self, root: Path) -> Listing:
        opened: list[_Open] = []
        try:
            self._enter(opened, "", str(root), within=None)
            while opened:
                here = opened[-1]
                name = next(here.left, None)
                if name is None:
                    os.close(opened.pop().descriptor)
                elif self._is_spent() or len(opened) > MAX_DEPTH:
                    self._found.unseen.add(f"{here.path}{name}/")
                else:
                    self._enter(opened, f"{here.path}{name}/", name, within=here.descriptor)
        finally:
            for folder in opened:
                os.close(folder.descriptor)
        return self._found

    def _enter(self, opened: list[_Open], path: str, name: str, *, within: int | None) -> None:
        """Open a folder and note what is in it."""
        # Only the root may be a link: it is what the user named.
        flags = _FOLDER if within is None else _FOLDER | os.O_NOFOLLOW
        try:
            descriptor = os.open(name, flags, dir_fd=within)
        except FileNotFoundError:
            return
        except OSError:
            self._found.unseen.add(path)
            return
        folder = _Open(path, descriptor, iter(()))
        opened.append(folder)  # from here on it is closed by `run`
        try:
            folder.left = iter(self._note(path, descriptor))
        except OSError:
            self._found.unseen.add(path)

    def _note(self, path: str, descriptor: int) -> list[str]:
        """Note the files of a folder and return the folders in it."""
        folders: list[str] = []
        marks: dict[str, bytes] = {}
        self._found.folders[path] = marks
        with os.scandir(descriptor) as entries:
            for entry in entries:
                self._entries += 1
                if self._is_spent():
                    self._found.unseen.add(path)
                    break
                try:
                    facts = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                kind = stat.S_IFMT(facts.st_mode)
                if kind == stat.S_IFDIR:
                    if not (entry.name in IGNORED_FOLDERS or _identity(facts) in self._ignored):
                        folders.append(entry.name)
                elif kind in (stat.S_IFREG, stat.S_IFLNK):
                    marks[entry.name] = _MARK.pack(
                        facts.st_mode,
                        facts.st_size,
                        facts.st_mtime_ns,
                        facts.st_ctime_ns,
                        facts.st_ino,
                    )
        return folders

    def _is_spent(self) -> bool:
        return self._entries > MAX_ENTRIES or time.monotonic() > self._ends_at
