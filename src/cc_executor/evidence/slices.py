"""Files, and parts of files, read at any place."""

from __future__ import annotations

import os
from typing import Final, Protocol

_READ_BYTES: Final = 256 * 1024


class Readable(Protocol):
    """Bytes that can be read at any place."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on; fewer where there are no more."""
        ...


class Slice:
    """A piece of an open file. Implements `Readable`; whoever opened the file closes it.

    Args:
        descriptor: The file.
        start: Where the piece begins.
        size_bytes: How long it is.
    """

    def __init__(self, descriptor: int, start: int, size_bytes: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._size_bytes = size_bytes

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return self._size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset` on; fewer where there are no more."""
        left = min(length, self._size_bytes - offset)
        parts: list[bytes] = []
        while left > 0 and (
            part := os.pread(self._descriptor, min(left, _READ_BYTES), self._start + offset)
        ):
            parts.append(part)
            offset += len(part)
            left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Empty:
    """No bytes: of a child that said nothing. Implements `Readable`."""

    size_bytes = 0

    def read_at(self, offset: int, length: int) -> bytes:  # noqa: ARG002 - wherever it is read
        """Return nothing."""
        return b""
