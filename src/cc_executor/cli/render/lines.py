"""A line for each thing that happens: time, task, what."""

from __future__ import annotations

import time
from typing import TextIO

from cc_executor.cli.render.program_lines import ProgramLines
from cc_executor.cli.render.sentences import sentence
from cc_executor.cli.render.summary import summary
from cc_executor.cli.render.terminal import print_lines
from cc_executor.cli.render.wording import clock_time
from cc_executor.model.events import StreamEvent
from cc_executor.model.results import ExecutionResult

_LONGEST_NAME = 20


class Lines:
    """Implements `View` for whatever is not a terminal: logs, pipes, CI.

    Args:
        stream: Where the lines go.
    """

    agent_events = True

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._names: dict[str, str] = {}
        self._programs: ProgramLines | None = None
        self._width = 0

    def begin(self, execution: ExecutionResult) -> None:
        """Say which execution it is."""
        self._programs = ProgramLines(execution)
        self._names = {task.task_id: task.name for task in execution.tasks}
        self._width = min(max(map(len, self._names.values())), _LONGEST_NAME)
        self._write(f"execution {execution.id}")

    def show(self, event: StreamEvent) -> None:
        """Write the event's line, if it is worth one, and those that a program printed."""
        name = self._names[event.task_id] if event.task_id else ""
        lines = list(self._programs.feed(event)) if self._programs else []
        if (said := sentence(event)) is not None:
            lines.append(said)
        for line in lines:
            self._write(f"{clock_time(event.at)}  {name:{self._width}}  {line}")

    def notice(self, text: str) -> None:
        """Write a line about what was asked."""
        self._write(f"{clock_time(time.time())}  {text}")

    def end(self, execution: ExecutionResult) -> None:
        """Write the summary."""
        print_lines(self._stream, summary(execution, encoding=self._stream.encoding))

    def close(self) -> None:
        """Nothing was taken from the terminal."""

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
