"""A cursor in an attempt's output."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cc_executor.errors import JournalDamaged
from cc_executor.journal import layout
from cc_executor.journal.records import (
    HEADER,
    RECORD_BYTES,
    STDERR,
    Record,
    count,
    position,
    unpack,
)
from cc_executor.ports.journal import Chunk

_BATCH: Final = 512
_NOWAIT: Final = getattr(os, "RWF_NOWAIT", None)

#: Reads from a file at a place, as `os.pread` does.
_Pread = Callable[[int, int, int], bytes]


class FileJournalReader:
    """Implements `ports.journal.JournalReader` over an attempt folder.

    It costs two open files, however long the output is and however slowly it is read. It may
    read while the supervisor writes: a record that is not complete is not there yet.

    Args:
        folder: The attempt folder.

    Raises:
        FileNotFoundError: The attempt has no output yet.
        JournalDamaged: The index is not one of ours, or a newer version's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = os.open(folder / layout.INDEX, os.O_RDONLY | os.O_CLOEXEC)
        try:
            header = os.pread(self._index, len(HEADER), 0)
            if header != HEADER[: len(header)]:
                raise JournalDamaged(str(folder), "its index has an unknown format")
            if len(header) < len(HEADER):
                raise FileNotFoundError(folder / layout.INDEX)
            self._output = os.open(folder / layout.OUTPUT, os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            os.close(self._index)
            raise

    def read(self, *, after_seq: int, max_bytes: int) -> Sequence[Chunk]:
        """Return whole records with `seq > after_seq`, at most about `max_bytes` of data.

        At least one record when there is one, however long. Empty: nothing more yet.

        Raises:
            JournalDamaged: A record or its bytes contradict their checksum.
        """
        return self._read(after_seq + 1, max_bytes, os.pread)

    def read_at_hand(self, *, after_seq: int, max_bytes: int) -> Sequence[Chunk] | None:
        """Return what `read` would, if all of it is in memory; None where it is not.

        Raises:
            JournalDamaged: A record or its bytes contradict their checksum.
        """
        try:
            return self._read(after_seq + 1, max_bytes, _pread_at_hand)
        except BlockingIOError:
            return None

    def _read(self, first: int, max_bytes: int, pread: _Pread) -> Sequence[Chunk]:
        records = self._records(first, _BATCH, pread, max_bytes=max_bytes)
        if not records:
            return ()
        return tuple(
            self._chunk(seq, record, data)
            for seq, (record, data) in enumerate(self._with_bytes(records, pread), start=first)
        )

    def seq_before_last(self, tail_bytes: int) -> int:
        """Return the seq after which the last records, together at least `tail_bytes`, follow.

        -1 when the whole output is not longer.
        """
        last = count(os.fstat(self._index).st_size)
        while last > 0:
            first = max(last - _BATCH, 0)
            for seq, record in reversed(
                list(enumerate(self._records(first, last - first, os.pread), start=first))
            ):
                tail_bytes -= record.length
                if tail_bytes <= 0:
                    return seq - 1
            last = first
        return -1

    def close(self) -> None:
        """Release the files."""
        os.close(self._index)
        os.close(self._output)

    def _records(
        self, first: int, limit: int, pread: _Pread, *, max_bytes: int | None = None
    ) -> list[Record]:
        """Return records from `first` on, only as many as `max_bytes` of data take, at least one.

        A reader that is behind would otherwise look at the same hundreds of records for each of
        the few that it takes.
        """
        raw = memoryview(_read_all(pread, self._index, position(first), limit * RECORD_BYTES))
        records: list[Record] = []
        for number in range(len(raw) // RECORD_BYTES):
            at = number * RECORD_BYTES
            record = unpack(raw[at : at + RECORD_BYTES], first + number)
            if record is None or (records and record.offset != records[-1].end):
                if any(raw[at + RECORD_BYTES :]):
                    raise JournalDamaged(str(self._folder), f"record {first + number} is damaged")
                break  # the torn end that a power failure leaves: these records never were
            if records and max_bytes is not None and record.end - records[0].offset > max_bytes:
                break
            records.append(record)
        return records

    def _with_bytes(
        self, records: Sequence[Record], pread: _Pread
    ) -> Iterator[tuple[Record, bytes]]:
        start = records[0].offset
        data = _read_all(pread, self._output, start, records[-1].end - start)
        if len(records) == 1 and len(data) == records[0].length:
            yield records[0], data
            return
        view = memoryview(data)
        for record in records:
            if record.end - start > len(data):
                return  # a power failure took the end of the output, but not of the index
            yield record, bytes(view[record.offset - start : record.end - start])

    def _chunk(self, seq: int, record: Record, data: bytes) -> Chunk:
        if zlib.crc32(data) != record.crc:
            raise JournalDamaged(
                str(self._folder), f"{record.length} bytes at {record.offset} are damaged"
            )
        return Chunk(
            seq=seq,
            offset=record.offset,
            at=record.at_ns / 1e9,
            stream="stderr" if record.stream == STDERR else "stdout",
            data=data,
        )


def _pread_at_hand(fd: int, length: int, start: int) -> bytes:
    """Return bytes as `os.pread` does, and never wait for a disk.

    Raises:
        BlockingIOError: They are not in memory, or the system cannot tell.
    """
    if _NOWAIT is None:  # not Linux
        raise BlockingIOError
    buffer = bytearray(length)
    try:
        got = os.preadv(fd, [buffer], start, _NOWAIT)
    except OSError as error:  # not in memory, or a file system that does not know the question
        raise BlockingIOError from error
    del buffer[got:]
    return bytes(buffer)


def _read_all(pread: _Pread, fd: int, start: int, length: int) -> bytes:
    parts: list[bytes] = []
    while length and (part := pread(fd, length, start)):
        parts.append(part)
        start += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
