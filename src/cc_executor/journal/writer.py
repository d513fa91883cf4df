"""Appends to an attempt's output and its index. Standard library only: the supervisor runs it."""

from __future__ import annotations

import contextlib
import os
import zlib
from typing import Final

from cc_executor.journal import layout
from cc_executor.journal.crash_points import reach
from cc_executor.journal.records import HEADER, Record, pack

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


class JournalWriter:
    """The one writer of an attempt's `output` and `index`.

    Data goes first, its record second: what has no record is found by `recovery.recover`. Nothing
    is buffered here; what `append` returned for survives the death of this process, and of
    the machine after `sync`.

    Args:
        folder: Path of the attempt folder, or "" for the current directory.
    """

    def __init__(self, folder: str = "") -> None:
        self.end = 0
        self.seq = 0
        self._folder = folder
        self._output = -1
        self._index = -1

    @property
    def open_files(self) -> int:
        """How many files it holds open."""
        return sum(fd != -1 for fd in (self._output, self._index))

    def append(self, stream: int, data: memoryview, *, at_ns: int, flags: int = 0) -> None:
        """Record `data`, 1 to `records.MAX_CHUNK_BYTES` bytes.

        Raises:
            OSError: Nothing of it was recorded; the journal is as it was before.
        """
        if self._index == -1:
            self._create()
        record = Record(self.end, at_ns, len(data), zlib.crc32(data), stream, flags)
        try:
            _write_all(self._output, data)
            reach("writer.data_written")
            _write_all(self._index, memoryview(pack(record, self.seq)))
        except OSError:
            self._take_back()
            raise
        reach("writer.index_written")
        self.end = record.end
        self.seq += 1

    def sync(self) -> None:
        """Have what was appended survive a power failure."""
        if self._index != -1:
            os.fsync(self._output)
            os.fsync(self._index)

    def close(self) -> None:
        """Close the files."""
        for fd in (self._output, self._index):
            if fd != -1:
                os.close(fd)

    def _create(self) -> None:
        """Make the files: programs that say nothing leave none.

        Raises:
            OSError: There is no room, or another writer's files are there.
        """
        if self._output == -1:
            name = os.path.join(self._folder, layout.OUTPUT)
            self._output = os.open(name, _CREATE, layout.FILE_MODE)
        index = os.open(os.path.join(self._folder, layout.INDEX), _CREATE, layout.FILE_MODE)
        try:
            os.write(index, HEADER)
        except OSError:
            os.close(index)
            raise
        self._index = index

    def _take_back(self) -> None:
        # A disk that takes no more bytes lets go of some: this keeps index and output in step.
        with contextlib.suppress(OSError):
            os.ftruncate(self._index, (self.seq + 1) * len(HEADER))
            os.ftruncate(self._output, self.end)


def _write_all(fd: int, data: memoryview) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])
