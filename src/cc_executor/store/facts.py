"""What the data of each kind of event says: JSON values only; what is unknown is left out."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cc_executor.model.forecasts import Forecast
from cc_executor.model.outcomes import Executed, Outcome
from cc_executor.model.records import AttemptStarting, ExecutionRecord, Noted, TaskMoved, Waiting
from cc_executor.store.tables import TaskRow

#: How many files of each sort an event names; the record has them all.
_NAMED_FILES: Final = 20


def of_submission(execution: ExecutionRecord) -> dict[str, Any]:
    """Return the data of `execution.submitted`."""
    task_list = execution.task_list
    return _known(
        title=task_list.title or None,
        tasks=len(task_list.tasks),
        workspace=task_list.workspace,
        host=str(execution.host),
        continues=execution.continues,
    )


def of_task(task: TaskRow, change: TaskMoved) -> dict[str, Any]:
    """Return the data of `task.*`."""
    said = of_outcome(change.outcome) if change.outcome else {}
    if change.retrying is not None:
        said = _known(**msgspec.structs.asdict(change.retrying))
    return {"name": task.name, "attempts": task.attempts, **said}


def of_wait(task: TaskRow, waiting: Waiting | None) -> dict[str, Any]:
    """Return the data of `task.waiting` and `task.proceeding`."""
    return {"name": task.name, **_known(**(msgspec.structs.asdict(waiting) if waiting else {}))}


def of_start(task: TaskRow, change: AttemptStarting) -> dict[str, Any]:
    """Return the data of `attempt.starting`."""
    return _known(
        name=task.name,
        agent=change.agent,
        agent_session_id=change.agent_session_id,
        timeout_s=change.timeout_s,
        forecast=change.forecast and _of_forecast(change.forecast),
    )


def _of_forecast(forecast: Forecast) -> dict[str, Any]:
    """Return what is expected, what is unknown left out."""
    fields: dict[str, Any] = msgspec.to_builtins(forecast)
    return _known(**fields)


def of_outcome(outcome: Outcome) -> dict[str, Any]:
    """Return what an event says of an outcome; the whole of it stands in the record."""
    executed = outcome.executed
    return _known(
        state=str(outcome.state),
        failure=outcome.failure and str(outcome.failure),
        detail=outcome.detail,
        message=outcome.message,
        cost_usd=outcome.cost_usd,
        turns=outcome.claimed.num_turns,
        tokens=outcome.usage.total if outcome.usage else None,
        model=outcome.model,
        agent_session_id=outcome.agent_session_id,
        limit_resets_at=outcome.limit_resets_at,
        retry_after_s=outcome.retry_after_s,
        files_created=list(outcome.changes.created[:_NAMED_FILES]) or None,
        files_modified=list(outcome.changes.modified[:_NAMED_FILES]) or None,
        **(_of_executed(executed) if executed else {}),
    )


def of_note(note: Noted) -> dict[str, Any]:
    """Return the note's own data, as a reader of any store will find it.

    Raises:
        TypeError: It holds something that JSON does not know.
    """
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(note.data))
    return data


def _of_executed(executed: Executed) -> dict[str, Any]:
    return {
        "ended_by": str(executed.ended_by),
        "exit_code": executed.exit_code,
        "signal": executed.signal,
        "duration_s": executed.duration_s,
        "output_bytes": executed.output_bytes,
        "error": executed.error,
    }


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
