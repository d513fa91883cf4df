"""What has been run, as a table for other programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.model.results import ExecutionResult

#: One row a task; the order is kept, new columns come at the end.
COLUMNS: Final = (
    "execution_id",
    "task_id",
    "name",
    "agent",
    "model",
    "state",
    "failure",
    "exit_code",
    "verified",
    "started_at",
    "ended_at",
    "duration_s",
    "attempts",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "workspace",
)


async def export_execution_history(
    format: Literal["json", "csv"] = "json",  # noqa: A002 - the name users know
    limit: int = 100,
    *,
    config: CCExecutorConfig | None = None,
) -> str:
    """Return the tasks of ended executions, newest execution first, as JSON or CSV text.

    Args:
        format: `json` (an array of objects) or `csv` (with a header line).
        limit: At most this many executions.
        config: Which state directory, if not the usual one.
    """
    async with Executor(config) as executor:
        ended = await executor.history(limit=limit)
    return as_text(ended, format)


def as_text(executions: Sequence[ExecutionResult], format: Literal["json", "csv"]) -> str:  # noqa: A002 - as above
    """Return the rows of the executions as text."""
    rows = [row for execution in executions for row in rows_of(execution)]
    if format == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def rows_of(execution: ExecutionResult) -> list[dict[str, Any]]:
    """Return one row per task; what is unknown is None, never zero."""
    rows = []
    for task in execution.tasks:
        outcome = task.outcome
        executed = outcome.executed if outcome else None
        usage = outcome.usage if outcome else None
        values = (
            execution.id,
            task.task_id,
            task.name,
            task.record.spec.dialect,
            outcome.model if outcome else None,
            str(task.state),
            str(outcome.failure) if outcome and outcome.failure else None,
            executed.exit_code if executed else None,
            str(outcome.verified.status) if outcome else None,
            task.record.started_at,
            task.record.ended_at,
            executed.duration_s if executed else None,
            task.record.attempts,
            outcome.cost_usd if outcome else None,
            usage.input_tokens if usage else None,
            usage.output_tokens if usage else None,
            execution.record.task_list.workspace,
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows
