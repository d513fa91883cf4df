"""What is expected of a task list, or of what an execution has left, as every door shows it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.lifecycle import TaskState

#: Of an execution that has ended.
NOTHING_LEFT: Final = Forecast(
    duration_s=Band(p50=0.0, p90=0.0, p99=0.0), timeout_s=0.0, method="nothing is left"
)


class TaskOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of one task that has not ended.

    Attributes:
        task_id: null for a task that nobody has submitted.
        state: null likewise.
        elapsed_s: Since its attempt began; null while it has not.
        forecast: Of a running task: of what is left. Of one that waits for an instant: with the
            wait.
    """

    name: str
    task_id: str | None = None
    state: TaskState | None = None
    elapsed_s: float | None = None
    forecast: Forecast


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected of a list, if nothing in it fails.

    Attributes:
        execution_id: null for a list that nobody has submitted.
        state: null likewise.
        forecast: Of the whole, tasks that run side by side taken into account.
        tasks: Those that have not ended, in list order.
    """

    execution_id: str | None = None
    state: TaskState | None = None
    forecast: Forecast
    tasks: tuple[TaskOutlook, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the object of `forecast --json` and of the other doors."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return {**value, "tasks": list(value["tasks"])}
