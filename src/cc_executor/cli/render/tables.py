"""Executions as a table, one a line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from rich.text import Text

from cc_executor.cli.render.marks import MARKS
from cc_executor.cli.render.terminal import in_columns
from cc_executor.cli.render.wording import against, duration, instant, money, one_line, until
from cc_executor.model.lifecycle import is_final
from cc_executor.model.progress import Progress
from cc_executor.model.results import ExecutionResult

_HEADINGS = (
    "EXECUTION",
    "STATE",
    "TASKS",
    "NOW",
    "TURNS",
    "COST",
    "CREATED",
    "TIME",
    "ENGINE",
    "WHAT",
)


class Standing(NamedTuple):
    """An execution, and how far its tasks are where it has not ended."""

    execution: ExecutionResult
    progress: Sequence[Progress] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the object of `--json`."""
        told = self.execution.to_json()
        return {**told, "progress": msgspec.to_builtins(self.progress)} if self.progress else told


def executions_table(found: Sequence[Standing]) -> list[Text]:
    """Return a line of headings and a line for each execution."""
    now_s = time.time()
    headings = [Text(heading, "bold") for heading in _HEADINGS]
    return in_columns([headings, *(_row(one, now_s) for one in found)])


def _row(standing: Standing, now_s: float) -> list[Text]:
    execution = standing.execution
    record = execution.record
    ended = sum(is_final(task.state) for task in execution.tasks)
    at_work = [_now(one, now_s) for one in standing.progress if _is_at_work(one)]
    more = f" +{len(at_work) - 1}" if len(at_work) > 1 else ""
    turns = sum(one.turns for one in standing.progress)
    return [
        Text(execution.id),
        Text(str(execution.state), MARKS[execution.state].style),
        Text(f"{ended}/{len(execution.tasks)}"),
        Text(f"{at_work[0]}{more}" if at_work else "-"),
        Text(str(turns) if turns else "-"),
        Text(_cost(standing)),
        Text(instant(record.created_at)),
        Text(duration((record.ended_at or now_s) - record.created_at)),
        Text(str(record.host)),
        Text(_what(execution)),
    ]


def _is_at_work(progress: Progress) -> bool:
    has_begun = progress.attempt > 0 or progress.waiting is not None
    return has_begun and not is_final(progress.state)


def _now(progress: Progress, now_s: float) -> str:
    """Return the task's name and what it waits for, or how long it has run and takes."""
    name = one_line(progress.name)
    if progress.waiting is not None:
        reason = one_line(progress.waiting.reason).replace("_", " ")
        return f"{name} waits: {reason}{until(progress.waiting.until, now_s)}"
    return f"{name} {against(progress)}"


def _cost(standing: Standing) -> str:
    """Return what has been spent; `?` where an agent runs that has not said so yet."""
    execution = standing.execution
    if execution.is_final:
        return "-" if execution.cost_usd is None else money(execution.cost_usd)
    costs = [one.cost_usd for one in standing.progress if one.cost_usd is not None]
    if costs:
        return f"{money(sum(costs))} so far"
    programs = {task.task_id for task in execution.tasks if task.record.spec.command is not None}
    asks = any(one.attempt and one.task_id not in programs for one in standing.progress)
    return "?" if asks else "-"


def _what(execution: ExecutionResult) -> str:
    """Return the list's title, or what its first task is asked."""
    if execution.record.task_list.title:
        return one_line(execution.record.task_list.title, 60)
    first = execution.tasks[0].record.spec
    return one_line(" ".join(first.command) if first.command else first.prompt or "", 60)
