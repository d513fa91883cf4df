"""The index of an output file: a header, then one record of 32 bytes for each chunk.

Record N stands at byte `32 * (N + 1)`, so a cursor costs one seek, and no record crosses a page:
a reader sees it whole or not at all. Each record carries a checksum of its chunk and one of
itself, which includes its number: a record in the wrong place is not a record. Little endian.

```text
0  offset  u64   position of the chunk in `output`
8  at      u64   nanoseconds since the epoch, UTC
16 length  u32   1 to MAX_CHUNK_BYTES
20 crc     u32   CRC-32 of the chunk
24 stream  u8    1 stdout, 2 stderr
25 flags   u8    bit 0: found after a crash without a record of its own; stream and time are guesses
26 -       u16   zero
28 crc     u32   CRC-32 of the 28 bytes before, seeded with the record's number (modulo 2^32)
```

Standard library only: the supervisor writes it.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

MAX_CHUNK_BYTES: Final = 64 * 1024
RECORD_BYTES: Final = 32
#: Magic, version, and zeros up to the size of a record.
HEADER: Final = struct.pack("<12sI16x", b"CCX-INDEX\r\n\0", 1)

STDOUT: Final = 1
STDERR: Final = 2
RECOVERED: Final = 1

_BODY: Final = struct.Struct("<QQIIBBxx")
_CHECK: Final = struct.Struct("<I")
_SEED: Final = 0x5EED


class Record(NamedTuple):
    """Where one chunk lies and what it was."""

    offset: int
    at_ns: int
    length: int
    crc: int
    stream: int
    flags: int = 0

    @property
    def end(self) -> int:
        """Position behind the chunk's last byte."""
        return self.offset + self.length


def pack(record: Record, seq: int) -> bytes:
    """Return the 32 bytes of record number `seq`."""
    body = _BODY.pack(*record)
    return body + _CHECK.pack(zlib.crc32(body, _SEED + seq))


def unpack(raw: bytes | memoryview, seq: int) -> Record | None:
    """Return record number `seq`, or None when the bytes are not that record."""
    (check,) = _CHECK.unpack_from(raw, _BODY.size)
    if check != zlib.crc32(raw[: _BODY.size], _SEED + seq):
        return None
    return Record(*_BODY.unpack_from(raw))


def position(seq: int) -> int:
    """Return where record number `seq` begins in the index."""
    return RECORD_BYTES * (seq + 1)


def count(index_bytes: int) -> int:
    """Return how many whole records an index of this size can hold."""
    return max(index_bytes // RECORD_BYTES - 1, 0)
