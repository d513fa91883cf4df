"""Progress for callbacks: what a caller can show while a task runs."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from cc_executor.model.events import FromAgent, Lifecycle, Message, StreamEvent, ToolCall

_log = logging.getLogger(__name__)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One report.

    Attributes:
        elapsed_s: Since the stream began.
        events: How many events there have been.
        task_id: The task that the last event is about.
        kind: What happened: a lifecycle kind or the type of an agent event.
        last_text: Last text that the agent wrote.
        tool: The tool that it called last.
        timeout_s: The task's timeout, as forecast or given; None before it is known.
    """

    elapsed_s: float
    events: int
    task_id: str | None = None
    kind: str = ""
    last_text: str | None = None
    tool: str | None = None
    timeout_s: float | None = None


ProgressCallback = Callable[[Progress], object] | Callable[[Progress], Awaitable[object]]


async def report(stream: AsyncIterator[StreamEvent], callback: ProgressCallback) -> None:
    """Call back for each lifecycle and agent event until the stream ends.

    An exception of the callback is logged and is never the task's.
    """
    began = time.monotonic()
    last = Progress(elapsed_s=0.0, events=0)
    async for event in stream:
        if not isinstance(event, Lifecycle | FromAgent):
            continue
        last = _after(last, event, time.monotonic() - began)
        try:
            answer = callback(last)
            if inspect.isawaitable(answer):
                await answer
        except Exception:  # noqa: BLE001 - whatever a callback raises is not the task's
            _log.exception("progress callback failed", extra={"kind": last.kind})


def _after(last: Progress, event: Lifecycle | FromAgent, elapsed_s: float) -> Progress:
    changes: dict[str, object] = {"elapsed_s": elapsed_s, "events": last.events + 1}
    if isinstance(event, Lifecycle):
        changes |= {"kind": event.kind, "task_id": event.task_id or last.task_id}
        if "timeout_s" in event.data:
            changes["timeout_s"] = event.data["timeout_s"]
    else:
        said = event.event
        changes |= {"kind": type(said).__struct_config__.tag, "task_id": event.task_id}
        if isinstance(said, Message) and not said.partial:
            changes["last_text"] = said.text
        elif isinstance(said, ToolCall):
            changes["tool"] = said.name
    return msgspec.structs.replace(last, **changes)
