"""How an execution stands, in a few lines for people."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from cc_executor.cli.render.findings import refuted_lines
from cc_executor.cli.render.marks import MARKS, sign
from cc_executor.cli.render.terminal import in_columns
from cc_executor.cli.render.wording import (
    changes,
    counted,
    duration,
    harmless,
    money,
    one_line,
    why,
)
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.results import ExecutionResult, TaskResult

#: No advice is needed on what somebody wished, or on what only follows from another task.
_SPEAK_FOR_THEMSELVES: Final = (None, Failure.CANCELLED, Failure.UPSTREAM)


def summary(execution: ExecutionResult, *, encoding: str | None) -> list[Text]:
    """Return a line for the whole, one for each task, and what can be done next."""
    tasks = in_columns(task_row(task, encoding=encoding) for task in execution.tasks)
    return [headline(execution), *tasks, *_next(execution)]


def headline(execution: ExecutionResult) -> Text:
    """Return one line about the whole."""
    record = execution.record
    parts = [counted(len(execution.tasks), "task")]
    if record.ended_at is not None:
        parts.append(duration(record.ended_at - record.created_at))
    if any(_can_cost(task) for task in execution.tasks):
        parts.append(money(execution.cost_usd))
    style = MARKS[execution.state].style
    line = Text.assemble((execution.id, "bold"), " ", (str(execution.state), style))
    return line.append(f"  {', '.join(parts)}")


def task_row(task: TaskResult, *, encoding: str | None) -> list[Text]:
    """Return the cells of one task: name, state, proof, time, attempts, cost, files or why."""
    outcome = task.outcome
    executed = outcome.executed if outcome else None
    mark = MARKS[task.state]
    carried = task.record.carried_from is not None
    return [
        Text(f"  {sign(task.state, encoding)} {task.name}", mark.style),
        Text(str(task.state)),
        Text(str(outcome.verified.status) if outcome and outcome.ok else ""),
        Text("carried over" if carried else duration(executed.duration_s if executed else None)),
        Text(counted(task.record.attempts, "attempt") if task.record.attempts > 1 else ""),
        Text(money(outcome.cost_usd) if outcome and _can_cost(task) else ""),
        Text(_last_words(task)),
    ]


def _last_words(task: TaskResult) -> str:
    outcome = task.outcome
    if task.record.waiting is not None:
        return f"waits: {one_line(task.record.waiting.message)}"
    if outcome is None:
        return ""
    return changes(outcome.changes) if outcome.ok else why(outcome)


def _can_cost(task: TaskResult) -> bool:
    """Tell whether money may have been spent on the task here: an agent ran."""
    return (
        task.record.spec.command is None
        and task.record.carried_from is None
        and task.record.attempts > 0
    )


def _next(execution: ExecutionResult) -> list[Text]:
    lines: list[Text] = []
    for task in execution.tasks:
        outcome = task.outcome
        if outcome is None or outcome.failure in _SPEAK_FOR_THEMSELVES:
            continue
        advice = FAILURES[outcome.failure].advice.replace("EXECUTION", execution.id)
        lines.extend(Text(f"  {task.name}: {one}") for one in refuted_lines(outcome.verified))
        lines.append(Text(f"  {task.name}: {advice}"))
    if execution.is_final and not execution.ok:
        lines.append(Text(f"  run what is left: cc-executor continue {execution.id}"))
    lines.append(Text(f"  look again: cc-executor show {execution.id}"))
    return lines


def answer_lines(task: TaskResult) -> list[Text]:
    """Return the agent's answer under its name, indented; empty when it gave none.

    What a task that failed said last is never called its answer.
    """
    text = harmless(task.outcome.text) if task.outcome else ""
    if not one_line(text):
        return []
    heading = task.name if task.ok else f"{task.name}, the last it said"
    return [Text(f"  {heading}:", "bold"), *(Text(f"    {line}") for line in text.splitlines())]
