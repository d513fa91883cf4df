"""Chunks of output put together and cut again: at a size, where characters end."""

from __future__ import annotations

from collections import deque

import msgspec

from cc_executor.model.events import Output


class Piece(msgspec.Struct, frozen=True):
    """Bytes that go out together.

    Attributes:
        data: The bytes.
        offset: Of the first of them in the attempt's output.
        seq: Of the last chunk that is complete with them; -1: none is.
        chunk: The chunk that the last of them belongs to.
    """

    data: bytes
    offset: int
    seq: int
    chunk: Output


class Held:
    """Chunks of one attempt and stream that follow on each other, not yet sent."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._chunks: deque[Output] = deque()
        self._offset = 0
        self.size = 0

    @property
    def has_characters(self) -> bool:
        """Whether there is more than the beginning of one character."""
        return self.size > 3 or whole_characters(self._joined()) > 0

    def takes(self, chunk: Output) -> bool:
        """Tell whether a chunk goes on where the held ones end."""
        if not self._chunks:
            return True
        last = self._chunks[-1]
        return (chunk.stream, chunk.attempt, chunk.task_id, chunk.offset) == (
            last.stream,
            last.attempt,
            last.task_id,
            self._offset + self.size,
        )

    def add(self, chunk: Output) -> None:
        """Add a chunk that `takes` was true for."""
        if not self._chunks:
            self._offset = chunk.offset
        self._chunks.append(chunk)
        self._data.append(chunk.data)
        self.size += len(chunk.data)

    def take(self, limit: int, *, anywhere: bool = False) -> Piece | None:
        """Take out at most `limit` bytes, up to where a character ends; None: there is no such.

        Args:
            limit: Most bytes; at least 4.
            anywhere: Cut where the limit is, whatever stands there.
        """
        data = self._joined()
        piece = data if limit >= len(data) else data[:limit]
        length = len(piece) if anywhere else whole_characters(piece)
        if length == 0:
            return None
        return self._cut(data, piece[:length])

    def take_rest(self) -> Piece:
        """Take out everything, which is not empty."""
        data = self._joined()
        return self._cut(data, data)

    def _joined(self) -> bytes:
        if len(self._data) > 1:
            self._data = [b"".join(self._data)]
        return self._data[0] if self._data else b""

    def _cut(self, data: bytes, piece: bytes) -> Piece:
        offset, end = self._offset, self._offset + len(piece)
        while len(self._chunks) > 1 and _end(self._chunks[0]) < end:
            self._chunks.popleft()
        chunk = self._chunks[0]
        complete = _end(chunk) <= end
        if complete:
            self._chunks.popleft()
        self._data = [data[len(piece) :]] if len(piece) < len(data) else []
        self._offset = end
        self.size -= len(piece)
        return Piece(piece, offset, chunk.seq if complete else chunk.seq - 1, chunk)


def _end(chunk: Output) -> int:
    return chunk.offset + len(chunk.data)


def whole_characters(data: bytes) -> int:
    """Return the length of `data` without the beginning of a UTF-8 character that has no end yet.

    What cannot be the beginning of one counts as whole.
    """
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:  # the first byte of a character says how long it is
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if back < length and byte < 0xF8 else len(data)
    return len(data)


def as_text(data: bytes) -> tuple[str | msgspec.UnsetType, bytes | msgspec.UnsetType]:
    """Return bytes as text, or as they are where they are no UTF-8."""
    try:
        return data.decode(), msgspec.UNSET
    except UnicodeDecodeError:
        return msgspec.UNSET, data
