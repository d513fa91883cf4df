"""What plain programs print, line by line: no dialect reads it, so it is shown as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cc_executor.agents.lines import Line, LineAssembler
from cc_executor.cli.render.wording import one_line
from cc_executor.model.events import Lifecycle, Output, StreamEvent
from cc_executor.model.results import ExecutionResult

_LONGEST_LINE_BYTES: Final = 4096


class ProgramLines:
    """Picks the lines of plain programs out of an execution's stream.

    Args:
        execution: The execution; says which of its tasks are programs.
    """

    def __init__(self, execution: ExecutionResult) -> None:
        self._programs = {
            task.task_id for task in execution.tasks if task.record.spec.command is not None
        }
        self._unfinished: dict[tuple[str, str], LineAssembler] = {}

    def feed(self, event: StreamEvent) -> Iterator[str]:
        """Yield the lines that the event completed, harmless, empty ones left out."""
        for line in self._completed(event):
            if said := one_line(line.content.decode("utf-8", "replace")):
                yield said

    def last(self, event: StreamEvent) -> str | None:
        """Return the last of the lines that `feed` would yield, without reading the others."""
        for line in reversed(self._completed(event)):
            if said := one_line(line.content.decode("utf-8", "replace")):
                return said
        return None

    def _completed(self, event: StreamEvent) -> list[Line]:
        match event:
            case Output() if event.task_id in self._programs:
                of = self._unfinished.setdefault(
                    (event.task_id, event.stream), LineAssembler(max_line_bytes=_LONGEST_LINE_BYTES)
                )
                return of.feed(event.data)
            case Lifecycle(kind="attempt.ended", task_id=str(task_id)):
                ended = [key for key in self._unfinished if key[0] == task_id]
                rest = [self._unfinished.pop(key).flush() for key in ended]
                return [line for line in rest if line is not None]
            case _:
                return []
