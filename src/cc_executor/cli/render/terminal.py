"""The terminal, through rich: colours where it has them and `NO_COLOR` does not forbid them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text


def console_on(stream: TextIO) -> Console:
    """Return a console that prints what it is given, and reads no markup in it."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def can_show_live(stream: TextIO) -> bool:
    """Tell whether the stream is a terminal on which lines can be drawn over."""
    console = console_on(stream)
    return console.is_terminal and not console.is_dumb_terminal


def print_lines(stream: TextIO, lines: Iterable[Text]) -> None:
    """Print the lines whole; a terminal wraps them, a pipe gets them as they are."""
    console = console_on(stream)
    for line in lines:
        console.print(line, soft_wrap=True)


def in_columns(rows: Iterable[Iterable[Text]], *, gap: str = "  ") -> list[Text]:
    """Return one line per row, its cells padded to their column's width; no empty columns."""
    table = [list(row) for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        line = Text()
        for cell, width in zip(row, widths, strict=True):
            if width:
                line.append_text(cell)
                line.append(" " * (width - cell.cell_len) + gap)
        line.rstrip()
        lines.append(line)
    return lines
