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

    Raises:
        FileExistsError: The attempt has a journal already.
    """

    def __init__(self, folder: str = "") -> None:
        self._output = os.open(os.path.join(folder, layout.OUTPUT), _CREATE, layout.FILE_MODE)
        try:
            self._index = os.open(os.path.join(folder, layout.INDEX), _CREATE, layout.FILE_MODE)
        except OSError:
            os.close(self._output)
            raise
        self.end = 0
        self.seq = 0
        os.write(self._index, HEADER)

    def append(self, stream: int, data: memoryview, *, at_ns: int, flags: int = 0) -> None:
        """Record `data`, 1 to `records.MAX_CHUNK_BYTES` bytes.

        Raises:
            OSError: Nothing of it was recorded; the journal is as it was before.
        """
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
        os.fsync(self._output)
        os.fsync(self._index)

    def close(self) -> None:
        """Close the files."""
        os.close(self._output)
        os.close(self._index)

    def _take_back(self) -> None:
        # A disk that takes no more bytes lets go of some: this keeps index and output in step.
        with contextlib.suppress(OSError):
            os.ftruncate(self._index, (self.seq + 1) * len(HEADER))
            os.ftruncate(self._output, self.end)


def _write_all(fd: int, data: memoryview) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])
