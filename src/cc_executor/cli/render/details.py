"""An execution or a task with all that is known about it, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rich.text import Text

from cc_executor.cli.render.budgets import budget_facts
from cc_executor.cli.render.findings import finding_lines
from cc_executor.cli.render.outlook import one_forecast
from cc_executor.cli.render.summary import answer_lines, summary
from cc_executor.cli.render.terminal import in_columns
from cc_executor.cli.render.wording import duration, harmless, instant, money, one_line, why
from cc_executor.model.failures import FAILURES
from cc_executor.model.outcomes import EndedBy, Executed, Ground, Outcome
from cc_executor.model.results import ExecutionResult, TaskResult
from cc_executor.model.timers import Timing

_MOST_FILES = 50
_MOST_FINDINGS = 100


def execution_details(execution: ExecutionResult) -> list[Text]:
    """Return the summary, where and when, and what each task came to."""
    record = execution.record
    facts = [
        ("title", one_line(record.task_list.title)),
        ("workspace", harmless(record.task_list.workspace)),
        ("created", instant(record.created_at)),
        ("ended", instant(record.ended_at)),
        ("engine", str(record.host)),
        ("continues", record.continues or ""),
        *budget_facts(execution.budget),
    ]
    lines = summary(execution, encoding=sys.stdout.encoding)
    lines.extend(_table(facts))
    for task in execution.tasks:
        if answer := answer_lines(task):
            lines.extend([Text(), *answer])
    return lines


def task_details(execution: ExecutionResult, task_id: str) -> list[Text]:
    """Return everything about one task."""
    [task] = [task for task in execution.tasks if task.task_id == task_id]
    lines = [Text.assemble((f"{task.task_id} {task.name}", "bold"), f" {task.state}")]
    lines.extend(_table(list(_facts(task))))
    if answer := answer_lines(task):
        lines.extend([Text(), *answer])
    return lines


def _facts(task: TaskResult) -> Iterator[tuple[str, str]]:
    record = task.record
    asked = record.spec.command
    yield "asked", one_line(" ".join(asked) if asked else record.spec.prompt or "")
    yield "agent", record.spec.dialect
    yield "workspace", harmless(record.spec.workspace or "")
    yield "started", instant(record.started_at)
    yield "ended", instant(record.ended_at)
    yield "attempts", str(record.attempts)
    if record.forecast is not None:
        yield "forecast", one_forecast(record.forecast)
    if record.waiting is not None:
        yield "waits", one_line(record.waiting.message)
        yield "until", instant(record.waiting.until)
    yield "carried from", record.carried_from or ""
    yield from budget_facts(task.budget)
    if task.outcome is not None:
        yield from _facts_of_outcome(task.outcome)


def _facts_of_outcome(outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.failure is not None:
        yield "why", why(outcome)
        yield "meaning", FAILURES[outcome.failure].meaning
        yield "advice", FAILURES[outcome.failure].advice
    if outcome.executed is not None:
        yield "executed", executed(outcome.executed)
        yield "duration", duration(outcome.executed.duration_s)
    yield from (("timer", timer(one)) for one in outcome.timers if one.ran_s > 0 or one.expired)
    yield "verified", str(outcome.verified.status)
    yield from _findings(outcome)
    yield "model", outcome.model or ""
    if outcome.claimed.results or outcome.cost_usd is not None:
        yield "cost", money(outcome.cost_usd)
    if outcome.usage is not None:
        yield "tokens", f"{outcome.usage.input_tokens} in, {outcome.usage.output_tokens} out"
    yield "session", outcome.agent_session_id or ""
    if outcome.ground is not None:
        yield from _ground(outcome.ground)
    kinds = (
        ("created", outcome.changes.created),
        ("modified", outcome.changes.modified),
        ("deleted", outcome.changes.deleted),
    )
    for kind, paths in kinds:
        for path in paths[:_MOST_FILES]:
            yield kind, harmless(path)
        if len(paths) > _MOST_FILES:
            yield kind, f"... and {len(paths) - _MOST_FILES} more (--json has them all)"


def _ground(ground: Ground) -> Iterator[tuple[str, str]]:
    yield "isolation", ground.isolation
    yield "branch", harmless(ground.branch or "")
    yield "patch", harmless(ground.patch or "")
    yield "kept", harmless(ground.path or "")
    yield "problem", one_line(ground.problem or "")


def _findings(outcome: Outcome) -> Iterator[tuple[str, str]]:
    lines = list(finding_lines(outcome.verified))
    for line in lines[:_MOST_FINDINGS]:
        yield line.kind, line.text
    if len(lines) > _MOST_FINDINGS:
        yield "findings", f"... and {len(lines) - _MOST_FINDINGS} more (--json has them all)"


def executed(seen: Executed) -> str:
    """Return what the supervisor saw, in a few words."""
    parts = [f"ended by {seen.ended_by}"]
    if seen.exit_code is not None:
        parts.append(f"exit code {seen.exit_code}")
    if seen.signal is not None:
        parts.append(seen.signal)
    if seen.rung is not None:
        parts.append(f"stopped at: {seen.rung}")
    if seen.swept:
        # Whoever settles a lost attempt is not the only one who sweeps.
        at_least = "at least " if seen.ended_by is EndedBy.LOST else ""
        parts.append(f"{at_least}{seen.swept} left-over processes killed")
    if seen.error is not None:
        parts.append(one_line(seen.error))
    return ", ".join(parts)


def timer(timing: Timing) -> str:
    """Return how long a timer ran, its bound, and whether it expired."""
    bound = "" if timing.bound_s is None else f" of {duration(timing.bound_s)}"
    expired = ", expired" if timing.expired else ""
    return f"{timing.name}: {duration(timing.ran_s)}{bound}{expired}"


def _table(facts: list[tuple[str, str]]) -> list[Text]:
    return in_columns(
        [Text(f"  {name}", "dim"), Text(value)] for name, value in facts if value not in ("", "-")
    )
