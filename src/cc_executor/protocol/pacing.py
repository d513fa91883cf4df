"""When which progress is told: for each task the latest, and not more often than people can read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cc_executor.model.events import StreamEvent
from cc_executor.model.progress import ExecutionProgress, Progress
from cc_executor.model.records import TaskRecord

#: Between two reports on the same task.
EVERY_S: Final = 1.0


class Pace:
    """Keeps what is to be told until its time has come; newer progress takes the place of older.

    Args:
        tasks: Those of the execution.
        only: Id of the one task that is told of; None: all are.
    """

    def __init__(self, tasks: Iterable[TaskRecord], *, only: str | None = None) -> None:
        self._board = ExecutionProgress(tasks)
        self._only = only
        self._moved: dict[str, None] = {}
        self._told_s: dict[str, float] = {}

    def take(self, event: StreamEvent) -> None:
        """Take an event in."""
        moved = self._board.take(event)
        if moved is not None and self._only in (None, moved):
            self._moved[moved] = None

    def wait_s(self, now_s: float) -> float | None:
        """Return in how many seconds something is due; None: not before something happens."""
        waits = [self._due_s(task_id, now_s) - now_s for task_id in self._moved]
        return max(min(waits), 0.0) if waits else None

    def due(self, now_s: float, *, at: float) -> list[Progress]:
        """Return what is to be told now.

        Args:
            now_s: Now, by a clock that only goes forward.
            at: Now, in seconds since the epoch.
        """
        due = [task_id for task_id in self._moved if self._due_s(task_id, now_s) <= now_s]
        for task_id in due:
            del self._moved[task_id]
            self._told_s[task_id] = now_s
        return [self._board.of(task_id, at=at) for task_id in due]

    def rest(self, *, at: float) -> list[Progress]:
        """Return what has not been told, whenever it would be due: nothing more will come."""
        rest, self._moved = self._moved, {}
        return [self._board.of(task_id, at=at) for task_id in rest]

    def _due_s(self, task_id: str, now_s: float) -> float:
        told_s = self._told_s.get(task_id)
        return now_s if told_s is None else told_s + EVERY_S
