"""A line for each thing that happens: time, task, what."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TextIO

from cc_executor.cli.render.outlook import source
from cc_executor.cli.render.program_lines import ProgramLines
from cc_executor.cli.render.sentences import sentence, still
from cc_executor.cli.render.summary import summary
from cc_executor.cli.render.terminal import print_lines
from cc_executor.cli.render.wording import clock_time, expected
from cc_executor.model.events import StreamEvent
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outlooks import Outlook
from cc_executor.model.progress import ExecutionProgress
from cc_executor.model.results import ExecutionResult

_LONGEST_NAME: Final = 20
#: After as long without a line about a task that runs there is one that says so.
_SILENCE_S: Final = 60.0


class Lines:
    """Implements `View` for whatever is not a terminal: logs, pipes, CI.

    Args:
        stream: Where the lines go.
        now_s: Seconds since the epoch.
    """

    agent_events = True
    foresees = True

    def __init__(self, stream: TextIO, *, now_s: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._now_s = now_s
        self._progress: ExecutionProgress | None = None
        self._foreseen = False
        self._said_at: dict[str, float] = {}
        self._names: dict[str, str] = {}
        self._programs: ProgramLines | None = None
        self._width = 0

    def begin(self, execution: ExecutionResult) -> None:
        """Say which execution it is."""
        self._programs = ProgramLines(execution)
        self._progress = ExecutionProgress(task.record for task in execution.tasks)
        self._names = {task.task_id: task.name for task in execution.tasks}
        self._width = min(max(map(len, self._names.values())), _LONGEST_NAME)
        self._write(f"execution {execution.id}")

    def show(self, event: StreamEvent) -> None:
        """Write the event's line, if it is worth one, and those that a program printed."""
        if self._progress is not None:
            self._progress.take(event)
        lines = list(self._programs.feed(event)) if self._programs else []
        if (said := sentence(event)) is not None:
            lines.append(said)
        for line in lines:
            self._say(event.at, event.task_id, line)

    def tick(self) -> None:
        """Write how far a task is of which nothing was written for a while."""
        at = self._now_s()
        for one in self._progress.all(at=at) if self._progress is not None else ():
            said_at = self._said_at.setdefault(one.task_id, at)
            if one.state is TaskState.RUNNING and at - said_at >= _SILENCE_S:
                self._say(at, one.task_id, still(one, at))

    def foresee(self, outlook: Outlook) -> None:
        """Say once how long the list takes, where earlier runs tell."""
        forecast = outlook.forecast
        if self._foreseen or not forecast.observations:
            return
        self._foreseen = True
        self.notice(
            f"expected: {expected(forecast.duration_s, forecast.observations)} ({source(forecast)})"
        )

    def notice(self, text: str) -> None:
        """Write a line about what was asked."""
        self._write(f"{clock_time(self._now_s())}  {text}")

    def end(self, execution: ExecutionResult) -> None:
        """Write the summary."""
        print_lines(self._stream, summary(execution, encoding=self._stream.encoding))

    def close(self) -> None:
        """Nothing was taken from the terminal."""

    def _say(self, at: float, task_id: str | None, line: str) -> None:
        if task_id is not None:
            self._said_at[task_id] = self._now_s()
        name = self._names[task_id] if task_id else ""
        self._write(f"{clock_time(at)}  {name:{self._width}}  {line}")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
