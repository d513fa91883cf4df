"""From byte chunks, split anywhere, to whole lines, in bounded memory."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """One line without its newline.

    Attributes:
        content: Its bytes, at most the assembler's `max_line_bytes`. Bytes, because a chunk may
            end inside a character; a newline never lies inside one, so a line can be decoded.
        dropped_bytes: How many more it had.
    """

    content: bytes
    dropped_bytes: int = 0


class LineAssembler:
    """Turns byte chunks, split anywhere, into whole lines.

    Args:
        max_line_bytes: Longest content kept per line. What exceeds it is counted in
            `Line.dropped_bytes`, never raised: one huge tool result must not end the task that
            printed it.
    """

    def __init__(self, *, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._kept = bytearray()
        self._dropped_bytes = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """Add a chunk and return the lines it completed, oldest first."""
        *ended, tail = chunk.split(b"\n")
        lines = []
        for piece in ended:
            self._keep(piece)
            lines.append(self._take())
        self._keep(tail)
        return lines

    def flush(self) -> Line | None:
        """Return what came after the last newline, None if nothing did."""
        return self._take() if self._kept or self._dropped_bytes else None

    def _keep(self, piece: bytes) -> None:
        room = self._max_line_bytes - len(self._kept)
        self._kept += piece[:room]
        self._dropped_bytes += max(0, len(piece) - room)

    def _take(self) -> Line:
        line = Line(bytes(self._kept), self._dropped_bytes)
        # A new one, not `clear()`: the memory of a huge line is given back.
        self._kept = bytearray()
        self._dropped_bytes = 0
        return line
