"""The live view: the list of tasks, drawn over as things happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cc_executor.cli.render.board import Board, Row
from cc_executor.cli.render.marks import MARKS, sign
from cc_executor.cli.render.summary import summary
from cc_executor.cli.render.terminal import console_on, print_lines
from cc_executor.cli.render.wording import counted, duration, money
from cc_executor.model.events import StreamEvent
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.results import ExecutionResult

_FRAMES_PER_S: Final = 8
#: Lines of the terminal that are not for tasks: head, what is left out, notice, the cursor's.
_OTHER_LINES: Final = 5
_FEWEST_ROWS: Final = 3


class LiveView:
    """Implements `View` on a terminal.

    Args:
        stream: The terminal.
        now_s: Seconds since the epoch.
    """

    agent_events = True

    def __init__(self, stream: TextIO, *, now_s: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._console = console_on(stream)
        self._now_s = now_s
        self._picture: Picture | None = None
        self._live: Live | None = None

    def begin(self, execution: ExecutionResult) -> None:
        """Start to draw."""
        self._picture = Picture(execution, self._console, self._now_s)
        self._live = Live(
            console=self._console,
            get_renderable=self._picture.drawn,
            refresh_per_second=_FRAMES_PER_S,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start()

    def show(self, event: StreamEvent) -> None:
        """Take the event in; the next frame shows it."""
        if self._picture is not None:
            self._picture.board.apply(event)

    def notice(self, text: str) -> None:
        """Show it below the tasks until there is a newer one."""
        if self._picture is not None:
            self._picture.notice = text

    def end(self, execution: ExecutionResult) -> None:
        """Replace the picture by the summary."""
        self.close()
        print_lines(self._stream, summary(execution, encoding=self._console.encoding))

    def close(self) -> None:
        """Stop drawing."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class Picture:
    """What the terminal shows: the board, as far as it fits.

    Attributes:
        board: The tasks.
        notice: One line below them.
    """

    def __init__(
        self, execution: ExecutionResult, console: Console, now_s: Callable[[], float]
    ) -> None:
        self.board = Board(execution)
        self.notice = ""
        self._console = console
        self._now_s = now_s
        self._began_at = execution.record.created_at

    def drawn(self) -> RenderableType:
        """Return the picture of this moment."""
        rows = self.board.rows
        shown, before, after = window(rows, room(self._console))
        parts: list[RenderableType] = [self._head(rows)]
        if before:
            parts.append(Text(f"  … {counted(before, 'task')} above", "dim"))
        parts.append(self._table(shown))
        if after:
            parts.append(Text(f"  … {counted(after, 'task')} below", "dim"))
        if self.notice:
            parts.append(Text(self.notice, "yellow"))
        return Group(*parts)

    def _head(self, rows: Sequence[Row]) -> Text:
        ended = sum(is_final(row.state) for row in rows)
        costs = [row.cost_usd for row in rows if row.cost_usd is not None]
        line = Text.assemble((self.board.execution_id, "bold"))
        line.append(f"  {ended} of {counted(len(rows), 'task')}")
        line.append(f"  {duration(self._now_s() - self._began_at)}")
        if costs:
            line.append(f"  {money(sum(costs))} so far")
        line.no_wrap, line.overflow = True, "ellipsis"
        return line

    def _table(self, rows: Sequence[Row]) -> Table:
        table = Table.grid(padding=(0, 2), pad_edge=False, expand=False)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis")
        now_s = self._now_s()
        for row in rows:
            style = MARKS[row.state].style
            name = Text(f"  {sign(row.state, self._console.encoding)} {row.name}", style)
            elapsed = row.elapsed_s(now_s)
            table.add_row(
                name, Text("" if elapsed is None else duration(elapsed)), Text(_said(row), "dim")
            )
        return table


def _said(row: Row) -> str:
    """Return what stands beside a task: what it does, or how it ended."""
    if row.state is TaskState.PAUSED:
        return "paused"
    if is_final(row.state):
        cost = "" if row.cost_usd is None else f"  {money(row.cost_usd)}"
        return f"{row.why or row.doing or row.state}{cost}"
    again = f"attempt {row.attempt}: " if row.attempt > 1 else ""
    return f"{again}{row.doing}"


def room(console: Console) -> int:
    """Return how many tasks fit on the terminal."""
    return max(console.height - _OTHER_LINES, _FEWEST_ROWS)


def window(rows: Sequence[Row], size: int) -> tuple[Sequence[Row], int, int]:
    """Return at most `size` rows around the first unfinished one, and how many are left out.

    Returns:
        The rows, the number of those above, the number of those below.
    """
    first = next((place for place, row in enumerate(rows) if not is_final(row.state)), len(rows))
    start = max(0, min(first - size // 3, len(rows) - size))
    shown = rows[start : start + size]
    return shown, start, len(rows) - start - len(shown)
