"""What a live view shows, kept up to date by the events alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cc_executor.cli.render.program_lines import ProgramLines
from cc_executor.cli.render.wording import one_line
from cc_executor.model.events import (
    AgentEvent,
    ApiRetry,
    FromAgent,
    Lifecycle,
    LimitNotice,
    Message,
    Output,
    StreamEvent,
    Thinking,
    ToolCall,
    ToolResult,
)
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.results import ExecutionResult, TaskResult

_STATES: Final[Mapping[str, TaskState]] = {
    "task.started": TaskState.RUNNING,
    "task.resumed": TaskState.RUNNING,
    "task.retried": TaskState.RUNNING,
    "task.paused": TaskState.PAUSED,
    **{f"task.{state}": state for state in TaskState if is_final(state)},
}


@dataclass(kw_only=True)
class Row:
    """One task as it stands.

    Attributes:
        doing: What its agent does now, in a few words.
        why: Why it did not succeed.
        tools: Summaries of the tools that are open, by id, oldest first.
    """

    name: str
    state: TaskState = TaskState.QUEUED
    attempt: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    doing: str = ""
    why: str = ""
    cost_usd: float | None = None
    tools: dict[str, str] = field(default_factory=dict)

    def elapsed_s(self, now_s: float) -> float | None:
        """Return how long it has run, None when it never did."""
        if self.started_at is None:
            return None
        return (self.ended_at or now_s) - self.started_at

    @classmethod
    def of(cls, task: TaskResult) -> Self:
        """Return the row of a task before any event; what was carried over stays as it is."""
        if task.record.carried_from is None:
            return cls(name=task.name)
        return cls(name=task.name, state=task.state, doing="carried over")


class Board:
    """The tasks of one execution in list order.

    Args:
        execution: The execution; only its tasks' names are taken, the rest comes as events.
    """

    def __init__(self, execution: ExecutionResult) -> None:
        self.execution_id = execution.id
        self._rows = {task.task_id: Row.of(task) for task in execution.tasks}
        self._programs = ProgramLines(execution)

    @property
    def rows(self) -> list[Row]:
        """The rows in list order."""
        return list(self._rows.values())

    def apply(self, event: StreamEvent) -> None:
        """Take an event in; the stream's order is the order of things."""
        match event:
            case Lifecycle(task_id=str(task_id)):
                _apply_lifecycle(self._rows[task_id], event)
            case FromAgent():
                _apply_agent(self._rows[event.task_id], event.event)
            case Output():
                row = self._rows[event.task_id]
                row.doing = self._programs.last(event) or row.doing
            case _:
                pass


def _apply_lifecycle(row: Row, event: Lifecycle) -> None:
    if event.kind == "attempt.starting":
        row.attempt = event.attempt or 0
        row.tools.clear()
        row.doing = ""
    if event.kind == "task.waiting":
        row.doing = one_line(str(event.data.get("message") or ""))
    if event.kind == "task.proceeding":
        row.doing = ""
    state = _STATES.get(event.kind)
    if state is None:
        return
    row.state = state
    if event.kind == "task.started":
        row.started_at = event.at
    if is_final(state):
        row.ended_at = event.at
        row.cost_usd = event.data.get("cost_usd")
        row.doing = ""
        row.tools.clear()
        if state is not TaskState.SUCCEEDED:
            row.why = _why(event)


def _apply_agent(row: Row, event: AgentEvent) -> None:
    match event:
        case ToolCall():
            row.tools[event.id] = tool(event)
            row.doing = row.tools[event.id]
        case ToolResult():
            row.tools.pop(event.id, None)
            row.doing = next(reversed(row.tools.values()), row.doing)
        case Message(partial=False) if said := one_line(event.text):
            row.doing = said
        case Thinking():
            row.doing = "thinking"
        case ApiRetry():
            row.doing = retry(event)
        case LimitNotice(status="rejected"):
            row.doing = "waiting for the usage limit"
        case _:
            pass


def tool(call: ToolCall) -> str:
    """Return the tool and what it is used on, on one line."""
    return f"{one_line(call.name)} {one_line(call.summary)}".strip()


def retry(event: ApiRetry) -> str:
    """Return why the agent waits for its model API, on one line."""
    of = f" of {event.max_attempts}" if event.max_attempts else ""
    cause = event.error or (str(event.status) if event.status else "no answer")
    return f"model API: {one_line(cause)}; retry {event.attempt}{of} in {event.delay_s:g} s"


def _why(event: Lifecycle) -> str:
    slug = event.data.get("failure") or event.data.get("state") or ""
    detail = event.data.get("detail")
    message = one_line(event.data.get("message") or "")
    which = f" ({detail})" if detail else ""
    return f"{slug}{which}: {message}" if message else f"{slug}{which}"
