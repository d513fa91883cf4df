"""Executions as a table, one a line."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.text import Text

from cc_executor.cli.render.marks import MARKS
from cc_executor.cli.render.terminal import in_columns
from cc_executor.cli.render.wording import duration, instant, one_line
from cc_executor.model.lifecycle import is_final
from cc_executor.model.records import TaskRecord
from cc_executor.model.results import ExecutionResult

_HEADINGS = ("EXECUTION", "STATE", "TASKS", "NOW", "CREATED", "TIME", "ENGINE", "WHAT")


def executions_table(executions: Sequence[ExecutionResult]) -> list[Text]:
    """Return a line of headings and a line for each execution."""
    now_s = time.time()
    headings = [Text(heading, "bold") for heading in _HEADINGS]
    return in_columns([headings, *(_row(one, now_s) for one in executions)])


def _row(execution: ExecutionResult, now_s: float) -> list[Text]:
    record = execution.record
    ended = sum(is_final(task.state) for task in execution.tasks)
    at_work = [
        _now(task.record)
        for task in execution.tasks
        if (task.record.started_at or task.record.waiting) and not is_final(task.state)
    ]
    more = f" +{len(at_work) - 1}" if len(at_work) > 1 else ""
    return [
        Text(execution.id),
        Text(str(execution.state), MARKS[execution.state].style),
        Text(f"{ended}/{len(execution.tasks)}"),
        Text(f"{at_work[0]}{more}" if at_work else "-"),
        Text(instant(record.created_at)),
        Text(duration((record.ended_at or now_s) - record.created_at)),
        Text(str(record.host)),
        Text(_what(execution)),
    ]


def _now(task: TaskRecord) -> str:
    """Return the task's name, and what it waits for."""
    if task.waiting is None:
        return task.name
    return f"{task.name} ({task.waiting.reason.replace('_', ' ')})"


def _what(execution: ExecutionResult) -> str:
    """Return the list's title, or what its first task is asked."""
    if execution.record.task_list.title:
        return one_line(execution.record.task_list.title, 60)
    first = execution.tasks[0].record.spec
    return one_line(" ".join(first.command) if first.command else first.prompt or "", 60)
