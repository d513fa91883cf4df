"""The output of one child, record by record, with everything wrong with it named."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from cc_executor.evidence.slices import Readable
from cc_executor.journal.records import (
    HEADER,
    MAX_CHUNK_BYTES,
    RECORD_BYTES,
    STDERR,
    STDOUT,
    Record,
    position,
    unpack,
)
from cc_executor.model.bundles import LINK_BYTES, first_link, next_link
from cc_executor.model.events import Stream

_BATCH: Final = 1024
_STREAMS: Final[dict[int, Stream]] = {STDOUT: "stdout", STDERR: "stderr"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What is kept of one child process.

    Attributes:
        index: One record of fixed size for each chunk of `output`.
        chain: One link for each record; None where none was made.
        outcome: What its supervisor wrote down, as it stands; None where there is nothing.
    """

    output: Readable
    index: Readable
    chain: Readable | None
    outcome: bytes | None


class Chunk(NamedTuple):
    """One record with its bytes."""

    raw: bytes
    stream: Stream
    data: bytes


class OutputFault(Exception):
    """An output is not what its index says.

    Attributes:
        problem: Which record, and what is wrong with it.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def chunks(child: Child) -> Iterator[Chunk]:
    """Yield the output from its first byte to its last.

    Costs the memory of a batch of records, whatever an index says.

    Raises:
        OutputFault: What follows is damaged, missing, or more than the index tells of.
    """
    index, output = child.index, child.output
    if index.size_bytes == 0 and output.size_bytes == 0:
        return  # it said nothing
    if index.read_at(0, len(HEADER)) != HEADER:
        raise OutputFault("its index has an unknown format")
    end = seq = 0
    while batch := index.read_at(position(seq), _BATCH * RECORD_BYTES):
        for at in range(0, len(batch), RECORD_BYTES):
            raw = batch[at : at + RECORD_BYTES]
            record = _checked(raw, seq, end)
            data = output.read_at(record.offset, record.length)
            _check_data(record, data, seq)
            yield Chunk(raw, _STREAMS[record.stream], data)
            end, seq = record.end, seq + 1
    if output.size_bytes > end:
        more = output.size_bytes - end
        raise OutputFault(f"{more:,} bytes at its end stand in no record")


def _checked(raw: bytes, seq: int, end: int) -> Record:
    record = unpack(raw, seq) if len(raw) == RECORD_BYTES else None
    if record is None or record.stream not in _STREAMS:
        raise OutputFault(f"record {seq} is damaged")
    if record.offset != end:
        raise OutputFault(f"record {seq} does not follow the one before")
    if not 0 < record.length <= MAX_CHUNK_BYTES:
        raise OutputFault(f"record {seq} has an impossible length")
    return record


def _check_data(record: Record, data: bytes, seq: int) -> None:
    if len(data) < record.length:
        missing = record.length - len(data)
        raise OutputFault(f"{missing:,} bytes of record {seq} are missing")
    if zlib.crc32(data) != record.crc:
        raise OutputFault(f"the {record.length:,} bytes of record {seq} are damaged")


def links(child_id: str, child: Child) -> Iterator[tuple[bytes, Chunk]]:
    """Yield each chunk with its link in the chain.

    Raises:
        OutputFault: As in `chunks`.
    """
    link = first_link(child_id)
    for chunk in chunks(child):
        link = next_link(link, chunk.raw, chunk.data)
        yield link, chunk


def held_by_its_chain(child_id: str, child: Child) -> Iterator[Chunk]:
    """Yield the output, each chunk only when the chain holds it, where there is a chain.

    Raises:
        OutputFault: As in `chunks`, or a link is another one.
    """
    count = 0
    for seq, (link, chunk) in enumerate(links(child_id, child)):
        if child.chain is not None and child.chain.read_at(seq * LINK_BYTES, LINK_BYTES) != link:
            raise OutputFault(f"record {seq} is not the one that its chain holds")
        count = seq + 1
        yield chunk
    if child.chain is not None and child.chain.size_bytes != count * LINK_BYTES:
        linked = child.chain.size_bytes // LINK_BYTES
        raise OutputFault(f"its chain holds {linked} records, there are {count}")
