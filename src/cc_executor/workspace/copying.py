"""A copy of a directory tree, within bounds, that leads to nothing it was copied from."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cc_executor.errors import InvalidWorkspace

MAX_ENTRIES: Final = 200_000
MAX_BYTES: Final = 10 * 1024 * 1024 * 1024
MAX_DEPTH: Final = 128
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_PIECE_BYTES: Final = 1024 * 1024 * 16


def copy_tree(source: Path, target: Path, *, left_out: tuple[Path, ...] = ()) -> None:
    """Copy folders, regular files and links; modes and times are kept. Blocking (files).

    FIFOs, sockets and devices are left out, and so is a `.git` that is a file: it would lead back
    to the repository. A link that names a path in the source by its absolute path names the same
    path in the copy afterwards. No link is followed.

    Args:
        source: What is copied.
        target: Made here; it must not be there yet.
        left_out: Directories that are not copied.

    Raises:
        InvalidWorkspace: It is too large, or cannot be read or copied; what there is of the copy
            stays where it is.
    """
    try:
        _Copy(source, target, left_out).run()
    except OSError as error:
        name = f" ({error.filename!r})" if error.filename else ""
        problem = f"cannot be copied: {error.strerror}{name}"
        raise InvalidWorkspace(str(source), problem) from error


class _Copy:
    def __init__(self, source: Path, target: Path, left_out: tuple[Path, ...]) -> None:
        self._source = source
        self._target = target
        self._left_out: set[tuple[int, int]] = set()
        for path in left_out:
            with contextlib.suppress(OSError):  # what is not there needs no leaving out
                facts = path.stat()
                self._left_out.add((facts.st_dev, facts.st_ino))
        self._entries = 0
        self._bytes = 0

    def run(self) -> None:
        self._target.mkdir(mode=0o700)
        facts = self._target.stat()
        self._left_out.add((facts.st_dev, facts.st_ino))  # it may lie in its own source
        source = os.open(self._source, _FOLDER)
        try:
            with _opened(str(self._target), _FOLDER, None) as target:
                self._folder(source, target, 1)
        finally:
            os.close(source)

    def _folder(self, source: int, target: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._refusal(f"has folders more than {MAX_DEPTH} deep")
        with os.scandir(source) as entries:
            for entry in entries:
                self._entries += 1
                if self._entries > MAX_ENTRIES:
                    raise self._refusal(f"has more than {MAX_ENTRIES:,} files")
                with contextlib.suppress(FileNotFoundError):  # it goes away meanwhile
                    self._entry(entry, source, target, depth)

    def _entry(self, entry: os.DirEntry[str], source: int, target: int, depth: int) -> None:
        facts = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(facts.st_mode):
            if (facts.st_dev, facts.st_ino) in self._left_out:
                return
            with _opened(entry.name, _FOLDER | os.O_NOFOLLOW, source) as inner:
                os.mkdir(entry.name, 0o700, dir_fd=target)
                with _opened(entry.name, _FOLDER | os.O_NOFOLLOW, target) as made:
                    self._folder(inner, made, depth + 1)
                    _like(made, facts)
        elif stat.S_ISLNK(facts.st_mode):
            os.symlink(self._link(entry.name, source), entry.name, dir_fd=target)
        elif stat.S_ISREG(facts.st_mode) and entry.name != ".git":
            self._file(entry.name, source, target)

    def _link(self, name: str, source: int) -> str:
        leads_to = os.readlink(name, dir_fd=source)
        top = str(self._source)
        if leads_to == top or leads_to.startswith(f"{top}/"):
            return str(self._target) + leads_to[len(top) :]
        return leads_to

    def _file(self, name: str, source: int, target: int) -> None:
        with _opened(name, _READ, source) as original:
            facts = os.fstat(original)
            if not stat.S_ISREG(facts.st_mode):
                return
            self._bytes += facts.st_size
            if self._bytes > MAX_BYTES:
                raise self._refusal(f"holds more than {MAX_BYTES // 1024**3} GiB")
            with _opened(name, _WRITE, target, mode=0o600) as copy:
                _copy_bytes(original, copy)
                _like(copy, facts)

    def _refusal(self, problem: str) -> InvalidWorkspace:
        return InvalidWorkspace(str(self._source), f"is too large to copy: it {problem}")


@contextlib.contextmanager
def _opened(name: str, flags: int, within: int | None, *, mode: int = 0o700) -> Iterator[int]:
    descriptor = os.open(name, flags, mode, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _copy_bytes(original: int, copy: int) -> None:
    if hasattr(os, "copy_file_range"):
        # Where the file system can, the copy shares its blocks.
        with contextlib.suppress(OSError):
            while os.copy_file_range(original, copy, _PIECE_BYTES):
                pass
            return
    while piece := os.read(original, _PIECE_BYTES):
        while piece:
            piece = piece[os.write(copy, piece) :]


def _like(descriptor: int, facts: os.stat_result) -> None:
    os.fchmod(descriptor, stat.S_IMODE(facts.st_mode))
    os.utime(descriptor, ns=(facts.st_atime_ns, facts.st_mtime_ns))
