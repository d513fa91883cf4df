"""Puts a journal in order whose supervisor died while it wrote. Standard library only."""

from __future__ import annotations

import os
import zlib
from typing import Final, NamedTuple

from cc_executor.journal import layout
from cc_executor.journal.records import (
    HEADER,
    MAX_CHUNK_BYTES,
    RECORD_BYTES,
    RECOVERED,
    STDOUT,
    Record,
    count,
    pack,
    position,
    unpack,
)

_BATCH: Final = 4096


class Captured(NamedTuple):
    """How much a journal holds, in bytes."""

    stdout: int = 0
    stderr: int = 0


def recover(folder: str) -> Captured:
    """Index what was captured last, and return how much there is in all.

    A supervisor writes bytes first and their record second; killed in between, it leaves bytes
    that no record tells of. They are given one now, marked as recovered: as stdout (which of the
    two it was, nobody knows), at the time of the last write. A record that is not whole goes.
    Doing it again changes nothing.

    The caller holds the attempt's lock.

    Raises:
        OSError: The files cannot be read or written.
    """
    try:
        output = os.open(os.path.join(folder, layout.OUTPUT), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Captured()
    try:
        index = os.open(
            os.path.join(folder, layout.INDEX),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            layout.FILE_MODE,
        )
        try:
            return _recover(output, index)
        finally:
            os.close(index)
    finally:
        os.close(output)


def _recover(output: int, index: int) -> Captured:
    os.pwrite(index, HEADER, 0)
    totals = {STDOUT: 0}
    end = seq = 0
    for record in _records(index):
        totals[record.stream] = totals.get(record.stream, 0) + record.length
        end = record.end
        seq += 1
    os.ftruncate(index, position(seq))
    facts = os.fstat(output)
    while end < facts.st_size:
        data = os.pread(output, MAX_CHUNK_BYTES, end)
        crc = zlib.crc32(data)
        record = Record(end, facts.st_mtime_ns, len(data), crc, STDOUT, RECOVERED)
        os.pwrite(index, pack(record, seq), position(seq))
        totals[STDOUT] += len(data)
        end = record.end
        seq += 1
    return Captured(totals.pop(STDOUT), sum(totals.values()))


def _records(index: int) -> list[Record]:
    """Return the records up to the first that is not whole."""
    records: list[Record] = []
    for first in range(0, count(os.fstat(index).st_size), _BATCH):
        raw = os.pread(index, _BATCH * RECORD_BYTES, position(first))
        for number in range(len(raw) // RECORD_BYTES):
            record = unpack(raw[number * RECORD_BYTES : (number + 1) * RECORD_BYTES], len(records))
            if record is None:
                return records
            records.append(record)
    return records
