"""The end of a byte stream."""

from __future__ import annotations

from typing import Final

_MAX_LINE_CHARS: Final = 500


class Tail:
    """Keeps the last bytes of a stream and forgets the others.

    Args:
        max_bytes: How many are kept. Up to twice as many are held between two cuts, so that a
            stream of small chunks is not copied at each of them.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept = bytearray()
        self._cut = False

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._kept += data[-self._max_bytes :]
        self._cut = self._cut or len(data) > self._max_bytes
        if len(self._kept) > 2 * self._max_bytes:
            self._trim()

    def text(self) -> str:
        """Return what is kept, decoded; bytes that are not UTF-8 become U+FFFD."""
        self._trim()
        kept = bytes(self._kept)
        if self._cut:
            kept = kept.lstrip(_CONTINUATION_BYTES)  # the rest of a character cut in two
        return kept.decode("utf-8", "replace")

    def last_line(self) -> str:
        """Return the last line that says something, shortened; empty if none does."""
        lines = [line.strip() for line in self.text().splitlines()]
        return next((line for line in reversed(lines) if line), "")[:_MAX_LINE_CHARS]

    def _trim(self) -> None:
        excess = len(self._kept) - self._max_bytes
        if excess > 0:
            del self._kept[:excess]
            self._cut = True


_CONTINUATION_BYTES: Final = bytes(range(0x80, 0xC0))
