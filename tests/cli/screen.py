"""A terminal that remembers what is on it."""

from __future__ import annotations

import io

import pyte


class Screen(io.StringIO):
    """A stream that is a terminal of a given size."""

    encoding = "utf-8"

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__()
        self._screen = pyte.Screen(columns, lines)
        self._screen.set_mode(pyte.modes.LNM)  # as terminals are set: a new line begins on the left
        self._stream = pyte.Stream(self._screen)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._stream.feed(text)
        return super().write(text)

    @property
    def lines(self) -> list[str]:
        """What can be read on it, without what is empty below."""
        shown = [line.rstrip() for line in self._screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def colours(self) -> set[str]:
        """Which colours its characters have."""
        return {str(cell.fg) for line in self._screen.buffer.values() for cell in line.values()} - {
            "default"
        }
