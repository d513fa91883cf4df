"""What happened, in one line of plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cc_executor.cli.render.board import open_tool, retry, tool, waits
from cc_executor.cli.render.wording import against, counted, duration, instant, money, one_line
from cc_executor.model.events import (
    AgentEvent,
    ApiRetry,
    BackgroundTasks,
    FromAgent,
    Lifecycle,
    LimitNotice,
    Message,
    PermissionDenied,
    StreamEvent,
    ToolCall,
    ToolResult,
)
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.progress import Progress

Data = Mapping[str, Any]


def sentence(event: StreamEvent) -> str | None:
    """Return what happened on one line, None when it is not worth one."""
    match event:
        case Lifecycle():
            return _LIFECYCLE.get(event.kind, _other)(event)
        case FromAgent():
            return _of_agent(event.event)
        case _:
            return None


def still(progress: Progress, at: float) -> str:
    """Return that a task goes on and how far it is: `still running: 2m10s of 3m..7m, 4 turns`."""
    parts = [f"still running: {against(progress)}"]
    if progress.turns:
        parts.append(counted(progress.turns, "turn"))
    if progress.cost_usd is not None:
        parts.append(f"{money(progress.cost_usd)} so far")
    if progress.waiting is not None:
        parts.append(waits(progress.waiting, at))
    elif busy := open_tool(progress):
        parts.append(busy)
    return ", ".join(parts)


def _submitted(event: Lifecycle) -> str:
    count = counted(event.data.get("tasks", 0), "task")
    return f"submitted: {count} in {one_line(str(event.data.get('workspace', '')))}"


def _starting(event: Lifecycle) -> str:
    again = f", attempt {event.attempt}" if event.attempt and event.attempt > 1 else ""
    return f"started ({one_line(str(event.data.get('agent', '')))}{again})"


def _retried(event: Lifecycle) -> str:
    data = event.data
    number = f" ({data['number']} of {data['of']})" if "of" in data else ""
    how = ", in the agent's session" if data.get("by") == "resume" else ""
    after = f" after {one_line(str(data['reason']))}" if "reason" in data else ""
    return f"is tried again{number}{how}{after}"


def _waiting(event: Lifecycle) -> str:
    until = event.data.get("until")
    at_most = f" (until {instant(until)})" if until is not None else ""
    return f"waits: {one_line(str(event.data.get('message') or ''))}{at_most}"


def _ended(verb: str) -> Callable[[Lifecycle], str]:
    def say(event: Lifecycle) -> str:
        parts = [verb]
        if (seconds := event.data.get("duration_s")) is not None:
            parts.append(f"after {duration(seconds)}")
        if (cost := event.data.get("cost_usd")) is not None:
            parts.append(f"for {money(cost)}")
        return " ".join(parts) + _because(event.data)

    return say


def _because(data: Data) -> str:
    failure = data.get("failure")
    if not failure:
        return ""
    detail = f" ({data['detail']})" if data.get("detail") else ""
    message = one_line(str(data.get("message") or ""))
    return f": {failure}{detail}: {message}" if message else f": {failure}{detail}"


def _other(event: Lifecycle) -> str:
    """Say what nobody has written a sentence for: notes, and kinds of later versions."""
    happened = event.kind.rpartition(".")[2].replace("_", " ")
    return one_line(happened + _because(event.data))


def _nothing(_event: Lifecycle) -> None:
    """Say nothing: another event of the same moment says it better."""


_LIFECYCLE: Final[Mapping[str, Callable[[Lifecycle], str | None]]] = {
    "execution.submitted": _submitted,
    # What an execution is, its tasks say; how it ended, the summary.
    "execution.started": _nothing,
    "execution.paused": _nothing,
    "execution.resumed": _nothing,
    **{f"execution.{state}": _nothing for state in TaskState if is_final(state)},
    # What a task does first and last, its attempts do.
    "task.started": _nothing,
    "attempt.starting": _starting,
    "attempt.started": _nothing,
    "attempt.ended": _nothing,
    "task.retried": _retried,
    "task.waiting": _waiting,
    "task.proceeding": lambda _: "goes on",
    "task.succeeded": _ended("succeeded"),
    "task.failed": _ended("failed"),
    "task.timed_out": _ended("timed out"),
    "task.cancelled": _ended("cancelled"),
    "task.lost": _ended("lost"),
    "task.skipped": _ended("skipped"),
}


def _of_agent(event: AgentEvent) -> str | None:
    said: str | None = None
    match event:
        case Message(partial=False):
            said = one_line(event.text)
        case ToolCall():
            said = tool(event)
        case ToolResult(ok=False):
            said = f"tool failed: {one_line(event.text)}"
        case PermissionDenied():
            said = f"was denied {one_line(event.denial.tool)}"
        case ApiRetry():
            said = retry(event)
        case LimitNotice() if event.status != "allowed":
            said = _limit(event)
        case BackgroundTasks() if event.running:
            said = f"{counted(event.running, 'tool')} running in the background"
        case _:
            pass
    return said or None


def _limit(event: LimitNotice) -> str:
    window = f" ({one_line(event.window)})" if event.window else ""
    until = f", resets {instant(event.resets_at)}" if event.resets_at else ""
    return f"usage limit{window}: {one_line(event.status)}{until}"
