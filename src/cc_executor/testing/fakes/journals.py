"""What attempts said, within one process."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cc_executor.errors import JournalDamaged
from cc_executor.model.events import Stream
from cc_executor.ports.journal import Chunk


class _Record(NamedTuple):
    offset: int
    length: int
    at: float
    stream: Stream
    crc: int


class _Output:
    """One attempt's bytes, and its records."""

    def __init__(self, attempt_id: str) -> None:
        self.attempt_id = attempt_id
        self.data = bytearray()
        self.records: list[_Record] = []

    def chunk(self, seq: int) -> Chunk:
        record = self.records[seq]
        data = bytes(self.data[record.offset : record.offset + record.length])
        if zlib.crc32(data) != record.crc:
            problem = f"{record.length} bytes at {record.offset} are damaged"
            raise JournalDamaged(self.attempt_id, problem)
        return Chunk(seq=seq, offset=record.offset, at=record.at, stream=record.stream, data=data)


class MemoryJournals:
    """Implements `ports.journal.Journals`; whoever plays the supervisor calls `append`.

    Args:
        root: Where its attempts' folders would be; nothing is written there.
    """

    def __init__(self, root: Path = Path("/nowhere")) -> None:
        self._root = root
        self._outputs: dict[str, _Output] = {}

    def append(self, attempt_id: str, stream: Stream, data: bytes, *, at: float) -> None:
        """Record the next bytes of an attempt, at least one."""
        output = self._outputs.setdefault(attempt_id, _Output(attempt_id))
        record = _Record(len(output.data), len(data), at, stream, zlib.crc32(data))
        output.data += data
        output.records.append(record)

    def damage(self, attempt_id: str, offset: int) -> None:
        """Change one byte of an attempt's output behind the back of its records."""
        self._outputs[attempt_id].data[offset] ^= 1

    def folder(self, attempt_id: str) -> Path:
        """Return where the attempt's folder would be."""
        return self._root.joinpath(*attempt_id.split("."))

    def open(self, attempt_id: str) -> MemoryJournalReader | None:
        """Return a reader, or None when the attempt has no output yet."""
        output = self._outputs.get(attempt_id)
        return None if output is None else MemoryJournalReader(output)

    def length(self, attempt_id: str) -> int:
        """Return how many records the output has."""
        output = self._outputs.get(attempt_id)
        return 0 if output is None else len(output.records)


class MemoryJournalReader:
    """Implements `ports.journal.JournalReader`."""

    def __init__(self, output: _Output) -> None:
        self._output = output

    def read(self, *, after_seq: int, max_bytes: int) -> Sequence[Chunk]:
        """Return whole records with `seq > after_seq`, at most `max_bytes` of data or one.

        Raises:
            JournalDamaged: A record contradicts its checksum.
        """
        chunks: list[Chunk] = []
        size = 0
        for seq in range(after_seq + 1, len(self._output.records)):
            size += self._output.records[seq].length
            if chunks and size > max_bytes:
                break
            chunks.append(self._output.chunk(seq))
        return tuple(chunks)

    def read_at_hand(self, *, after_seq: int, max_bytes: int) -> Sequence[Chunk]:
        """Return what `read` does: everything is in memory."""
        return self.read(after_seq=after_seq, max_bytes=max_bytes)

    def seq_before_last(self, tail_bytes: int) -> int:
        """Return the seq after which the last records, together `tail_bytes` or more, follow."""
        for seq in range(len(self._output.records) - 1, -1, -1):
            tail_bytes -= self._output.records[seq].length
            if tail_bytes <= 0:
                return seq - 1
        return -1

    def close(self) -> None:
        """Nothing is held."""
