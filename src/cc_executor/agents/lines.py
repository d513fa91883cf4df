"""From bytes, split anywhere, to whole lines."""

from __future__ import annotations

from typing import Final, NamedTuple

#: A whole tool result of Claude Code has been measured at 4.3 MB on one line.
MAX_LINE_BYTES: Final = 64 * 1024 * 1024


class Line(NamedTuple):
    """One line without its newline.

    Attributes:
        dropped_bytes: How much of its end was not kept.
    """

    data: bytes
    dropped_bytes: int = 0


class LineAssembler:
    """Turns byte chunks, split anywhere, into whole lines.

    Args:
        max_line_bytes: Longest content kept per line. What exceeds it is counted, never raised:
            one huge tool result must not end the task that printed it.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._parts: list[bytes] = []
        self._kept = 0
        self._dropped = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """Add a chunk and return the lines it completed, oldest first."""
        *ended, tail = chunk.split(b"\n")
        lines = []
        for piece in ended:
            self._keep(piece)
            lines.append(self._take())
        self._keep(tail)
        return lines

    def finish(self) -> list[Line]:
        """Return what stands after the last newline as a line, if anything does."""
        return [self._take()] if self._kept or self._dropped else []

    def _keep(self, piece: bytes) -> None:
        room = self._max_line_bytes - self._kept
        kept = piece[:room]
        if kept:
            self._parts.append(kept)
            self._kept += len(kept)
        self._dropped += len(piece) - len(kept)

    def _take(self) -> Line:
        line = Line(b"".join(self._parts), self._dropped)
        self._parts, self._kept, self._dropped = [], 0, 0
        return line
