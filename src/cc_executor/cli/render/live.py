"""The live view: the list of tasks, drawn over as things happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TextIO

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from cc_executor.cli.render.board import Board, Row
from cc_executor.cli.render.marks import MARKS, sign
from cc_executor.cli.render.summary import summary
from cc_executor.cli.render.terminal import console_on, print_lines
from cc_executor.cli.render.wording import (
    against,
    brief,
    counted,
    expected,
    harmless,
    money,
    one_line,
)
from cc_executor.model.events import StreamEvent
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.lifecycle import is_final
from cc_executor.model.outlooks import Outlook
from cc_executor.model.progress import Progress
from cc_executor.model.results import ExecutionResult

_FRAMES_PER_S: Final = 8
#: Lines of the terminal that are not for tasks: head, what is left out, notice, the cursor's.
_OTHER_LINES: Final = 5
_FEWEST_ROWS: Final = 3
_GAP: Final = "  "
#: From how many columns on there is room for what is told besides name, time and words.
_ROOM_FOR_COUNTS: Final = 72
_ROOM_FOR_BANDS: Final = 48
#: Which part of the line a name may take, and how many cells it may in any case.
_NAME_PART: Final = 3
_NARROWEST_NAME: Final = 12
#: They change how wide a character is drawn, and terminals do not agree on it.
_SELECTORS: Final = dict.fromkeys((0xFE0E, 0xFE0F, 0x200C, 0x200D))


class LiveView:
    """Implements `View` on a terminal.

    Args:
        stream: The terminal.
        now_s: Seconds since the epoch.
    """

    agent_events = True
    foresees = True

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
            self._picture.apply(event)

    def tick(self) -> None:
        """Nothing: the frames come by themselves."""

    def foresee(self, outlook: Outlook) -> None:
        """Show it in the first line, less what has passed since."""
        if self._picture is not None:
            self._picture.outlook = (outlook.forecast, self._now_s())

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

    It is drawn by one thread and told what happens by another.

    Attributes:
        notice: One line below the tasks.
        outlook: What was expected of the rest, and when; None: nobody knows yet.
    """

    def __init__(
        self, execution: ExecutionResult, console: Console, now_s: Callable[[], float]
    ) -> None:
        self.notice = ""
        self.outlook: tuple[Forecast, float] | None = None
        self._board = Board(execution)
        self._lock = threading.Lock()
        self._console = console
        self._now_s = now_s
        self._began_at = execution.record.created_at

    def apply(self, event: StreamEvent) -> None:
        """Take an event in."""
        with self._lock:
            self._board.apply(event)

    def drawn(self) -> RenderableType:
        """Return the picture of this moment."""
        now_s = self._now_s()
        with self._lock:
            rows = self._board.rows(now_s)
        shown, before, after = window(rows, room(self._console))
        width = self._console.width
        lines = [self._head(rows, now_s)]
        if before:
            lines.append(_line(f"  … {counted(before, 'task')} above", "dim", width))
        lines.extend(self._table(shown))
        if after:
            lines.append(_line(f"  … {counted(after, 'task')} below", "dim", width))
        if self.notice:
            lines.append(_line(one_line(self.notice), "yellow", width))
        return Group(*lines)

    def _head(self, rows: Sequence[Row], now_s: float) -> Text:
        ended = sum(is_final(row.state) for row in rows)
        parts = [
            f"{ended} of {counted(len(rows), 'task')}",
            brief(now_s - self._began_at),
            *self._left(rows, now_s),
            *totals(rows),
        ]
        head = Text.assemble((self._board.execution_id, "bold"), "  ", "  ".join(parts))
        return _cut(head, self._console.width)

    def _left(self, rows: Sequence[Row], now_s: float) -> list[str]:
        """Return how much longer the list takes, if it is not about to end."""
        if self.outlook is None or all(is_final(row.state) for row in rows):
            return []
        forecast, made_at = self.outlook
        passed_s = max(now_s - made_at, 0.0)
        left = Band(
            **{
                name: max(seconds - passed_s, 0.0)
                for name, seconds in msgspec.structs.asdict(forecast.duration_s).items()
            }
        )
        return [f"{expected(left, forecast.observations)} left"]

    def _table(self, rows: Sequence[Row]) -> list[Text]:
        width = self._console.width
        table = [self._cells(row, width) for row in rows]
        *columns, _ = zip(*table, strict=True)
        widths = [max(cell.cell_len for cell in column) for column in columns]
        return [_cut(_in_line(cells, widths), width) for cells in table]

    def _cells(self, row: Row, width: int) -> list[Text]:
        progress = row.progress
        mark = sign(row.state, self._console.encoding)
        name = Text(f"  {mark} {_steady(harmless(progress.name))}", MARKS[row.state].style)
        turns = counted(progress.turns, "turn") if progress.turns else ""
        counts = [Text(turns), Text(row.cost)] if width >= _ROOM_FOR_COUNTS else []
        return [
            _cut(name, max(width // _NAME_PART, _NARROWEST_NAME)),
            _time(progress, with_band=width >= _ROOM_FOR_BANDS),
            *counts,
            Text(_steady(row.doing), "dim"),
        ]


def totals(rows: Sequence[Row]) -> list[str]:
    """Return what all tasks together have taken so far, each in a few words."""
    turns = sum(row.progress.turns for row in rows)
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    words = [counted(turns, "turn")] if turns else []
    if costs:
        at_least = "at least " if any(row.cost == "?" for row in rows) else ""
        words.append(f"{at_least}{money(sum(costs))} so far")
    return words


def _time(progress: Progress, *, with_band: bool) -> Text:
    """Return how long a task has taken; while it runs, of how long it takes by its forecast."""
    if not progress.attempt and not progress.elapsed_s:
        return Text()
    if is_final(progress.state) or progress.band is None or not with_band:
        return Text(brief(progress.elapsed_s))
    style = "yellow" if progress.running_s > progress.band.p90 else ""
    return Text(against(progress), style)


def _steady(text: str) -> str:
    """Return text without what makes its width a matter of opinion."""
    return text.translate(_SELECTORS)


def _in_line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Return the cells side by side; the last one begins where the others end, however long."""
    line = Text()
    for cell, width in zip(cells, widths, strict=False):
        if width:
            line.append_text(cell)
            line.append(" " * (width - cell.cell_len) + _GAP)
    return line.append_text(cells[-1])


def _line(text: str, style: str, width: int) -> Text:
    return _cut(Text(_steady(text), style), width)


def _cut(line: Text, width: int) -> Text:
    """Return the line so that it leaves the last column free: a line that fills it may wrap."""
    line.rstrip()
    line.truncate(max(width - 1, 1), overflow="ellipsis")
    line.no_wrap = True
    return line


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
