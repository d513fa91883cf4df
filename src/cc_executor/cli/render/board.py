"""What a live view shows, kept up to date by the events alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cc_executor.cli.render.program_lines import ProgramLines
from cc_executor.cli.render.wording import money, one_line, until
from cc_executor.model.events import (
    AgentEvent,
    ApiRetry,
    FromAgent,
    Lifecycle,
    Message,
    Output,
    StreamEvent,
    Thinking,
    ToolCall,
)
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.progress import ExecutionProgress, Progress
from cc_executor.model.records import Waiting
from cc_executor.model.results import ExecutionResult, TaskResult


class Row(NamedTuple):
    """One task as it stands at one moment.

    Attributes:
        progress: How far it is.
        doing: What it does, what it waits for, or how it ended, in a few words.
        cost_usd: What it has cost as far as that is known; None: nothing is.
        can_cost: Whether money may have been spent on it: an agent was started.
    """

    progress: Progress
    doing: str = ""
    cost_usd: float | None = None
    can_cost: bool = False

    @property
    def state(self) -> TaskState:
        """The state of the task."""
        return self.progress.state

    @property
    def cost(self) -> str:
        """What it has cost, `?` where that is unknown; empty where nothing can have been spent."""
        if self.cost_usd is not None:
            return money(self.cost_usd)
        return "?" if self.can_cost else ""


class _Words:
    """What the events of one task say that is for people only."""

    def __init__(self, task: TaskResult) -> None:
        self.is_program = task.record.spec.command is not None
        self.note = "carried over" if task.record.carried_from is not None else ""
        self.why = ""
        self.final_cost_usd: float | None = None

    def lifecycle(self, event: Lifecycle) -> None:
        if event.kind == "attempt.starting":
            self.note = ""
        if event.kind in _FINAL:
            self.note = ""
            self.final_cost_usd = event.data.get("cost_usd")
            if event.kind != "task.succeeded":
                self.why = _why(event.data)

    def agent(self, event: AgentEvent) -> None:
        match event:
            case Message(partial=False) if said := one_line(event.text):
                self.note = said
            case Thinking():
                self.note = "thinking"
            case _:
                pass

    def row(self, progress: Progress, at: float) -> Row:
        final = is_final(progress.state)
        return Row(
            progress,
            self._doing(progress, at),
            cost_usd=self.final_cost_usd if final else progress.cost_usd,
            can_cost=progress.attempt > 0 and not self.is_program,
        )

    def _doing(self, progress: Progress, at: float) -> str:
        if is_final(progress.state):
            return self.why or self.note or str(progress.state)
        if progress.state is TaskState.PAUSED:
            return "paused"
        again = f"attempt {progress.attempt}" if progress.attempt > 1 else ""
        waiting = waits(progress.waiting, at) if progress.waiting is not None else ""
        return ": ".join(filter(None, (again, waiting or open_tool(progress) or self.note)))


_FINAL = frozenset(f"task.{state}" for state in TaskState if is_final(state))


class Board:
    """The tasks of one execution in list order.

    Args:
        execution: The execution; only what its tasks are is taken, the rest comes as events.
    """

    def __init__(self, execution: ExecutionResult) -> None:
        self.execution_id = execution.id
        self._progress = ExecutionProgress(task.record for task in execution.tasks)
        self._words = {task.task_id: _Words(task) for task in execution.tasks}
        self._programs = ProgramLines(execution)

    def rows(self, at: float) -> list[Row]:
        """Return the rows in list order, as of an instant."""
        return [self._words[one.task_id].row(one, at) for one in self._progress.all(at=at)]

    def apply(self, event: StreamEvent) -> None:
        """Take an event in; the stream's order is the order of things."""
        self._progress.take(event)
        match event:
            case Lifecycle(task_id=str(task_id)):
                self._words[task_id].lifecycle(event)
            case FromAgent():
                self._words[event.task_id].agent(event.event)
            case Output():
                words = self._words[event.task_id]
                words.note = self._programs.last(event) or words.note
            case _:
                pass


def open_tool(progress: Progress) -> str:
    """Return the open tool and what it is used on, on one line; empty when none is open."""
    if progress.tool is None:
        return ""
    return f"{one_line(progress.tool)} {one_line(progress.tool_input or '')}".strip()


def waits(waiting: Waiting, at: float) -> str:
    """Return what a task waits for, and for how long at most, on one line."""
    what = one_line(waiting.message) or one_line(waiting.reason)
    return f"waits: {what}{until(waiting.until, at)}"


def tool(call: ToolCall) -> str:
    """Return the tool and what it is used on, on one line."""
    return f"{one_line(call.name)} {one_line(call.summary)}".strip()


def retry(event: ApiRetry) -> str:
    """Return why the agent waits for its model API, on one line."""
    of = f" of {event.max_attempts}" if event.max_attempts else ""
    cause = event.error or (str(event.status) if event.status else "no answer")
    return f"model API: {one_line(cause)}; retry {event.attempt}{of} in {event.delay_s:g} s"


def _why(data: Mapping[str, Any]) -> str:
    slug = data.get("failure") or data.get("state") or ""
    detail = data.get("detail")
    message = one_line(data.get("message") or "")
    which = f" ({detail})" if detail else ""
    return f"{slug}{which}: {message}" if message else f"{slug}{which}"
