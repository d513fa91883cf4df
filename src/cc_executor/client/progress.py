"""Progress for callbacks: what a caller can show while a task runs."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from cc_executor.model.events import StreamEvent
from cc_executor.model.progress import ExecutionProgress, Progress
from cc_executor.model.results import ExecutionResult

_log = logging.getLogger(__name__)

ProgressCallback = Callable[[Progress], object] | Callable[[Progress], Awaitable[object]]


async def report(
    stream: AsyncIterator[StreamEvent], of: ExecutionResult, callback: ProgressCallback
) -> None:
    """Call back for each lifecycle and agent event of a task until the stream ends.

    An exception of the callback is logged and is never the task's.

    Args:
        stream: Everything that happens in the execution.
        of: The execution.
        callback: Sync or async; given how far the task is that the event is about.
    """
    board = ExecutionProgress(task.record for task in of.tasks)
    async for event in stream:
        moved = board.take(event)
        if moved is None:
            continue
        now = board.of(moved, at=time.time())
        try:
            answer = callback(now)
            if inspect.isawaitable(answer):
                await answer
        except Exception:  # noqa: BLE001 - whatever a callback raises is not the task's
            _log.exception("progress callback failed", extra={"kind": now.kind})
