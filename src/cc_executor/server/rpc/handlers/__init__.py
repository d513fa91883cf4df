"""What each method does: one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from cc_executor.server.rpc.caller import Caller
from cc_executor.server.rpc.handlers import controlling, looking, running, streaming

Handler = Callable[[Caller, Any], Awaitable[object]]

HANDLERS: Final[Mapping[str, Handler]] = {
    "execute": running.execute,
    "task_list.submit": running.submit,
    "execution.continue": running.continue_,
    "control": controlling.control,
    "execution.cancel": controlling.cancel_execution,
    "execution.pause": controlling.pause_execution,
    "execution.resume": controlling.resume_execution,
    "task.cancel": controlling.cancel_task,
    "task.pause": controlling.pause_task,
    "task.resume": controlling.resume_task,
    "execution.get": looking.execution,
    "execution.progress": looking.progress,
    "execution.list": looking.executions,
    "execution.wait": looking.wait,
    "history.list": looking.history,
    "forecast.get": looking.forecast,
    "task.get": looking.task,
    "status": looking.status,
    "hook_status": looking.hooks,
    "stream.subscribe": streaming.subscribe,
    "stream.ack": streaming.acknowledge,
    "stream.unsubscribe": streaming.unsubscribe,
    "session.resume": streaming.resume_session,
}
