"""Methods that pause, resume and cancel."""

from __future__ import annotations

from typing import Any

from cc_executor.errors import InvalidParams
from cc_executor.model.lifecycle import is_final
from cc_executor.model.records import Wish
from cc_executor.protocol.methods import control as control_
from cc_executor.protocol.methods import (
    execution_cancel,
    execution_pause,
    execution_resume,
    task_cancel,
    task_pause,
    task_resume,
)
from cc_executor.protocol.views import execution_view, task_view
from cc_executor.server.rpc.caller import Caller


async def control(caller: Caller, params: control_.Params) -> control_.Result:
    """Do it to a task of this connection."""
    task_id = params.task_id or await _only_task(caller)
    wish, status = control_.CONTROLS[params.type]
    await caller.room.desk.control(caller.who, task_id, wish)
    return control_.Result(status=status, task_id=task_id)


async def _only_task(caller: Caller) -> str:
    """Return the one task of the connection that has not ended.

    Raises:
        InvalidParams: There is none, or more than one.
    """
    followed = [one.execution_id for one in caller.streams.subscriptions.values()]
    unfinished = []
    for execution_id in dict.fromkeys((*caller.started, *followed)):
        result = await caller.room.desk.get(caller.who, execution_id)
        unfinished += [task.task_id for task in result.tasks if not is_final(task.state)]
    if len(unfinished) != 1:
        running = f"{len(unfinished)} tasks of this session" if unfinished else "no task of it"
        raise InvalidParams("task_id", f"is needed: {running} can be meant")
    return unfinished[0]


async def _of_execution(
    caller: Caller, execution_id: str, wish: Wish, *, records: bool
) -> dict[str, Any]:
    result = await caller.room.desk.control(caller.who, execution_id, wish)
    return execution_view(result, records=records)


async def cancel_execution(caller: Caller, params: execution_cancel.Params) -> dict[str, Any]:
    """End it."""
    wish = Wish.KILL if params.now else Wish.CANCEL
    return await _of_execution(caller, params.execution_id, wish, records=params.records)


async def pause_execution(caller: Caller, params: execution_pause.Params) -> dict[str, Any]:
    """Freeze it."""
    return await _of_execution(caller, params.execution_id, Wish.PAUSE, records=params.records)


async def resume_execution(caller: Caller, params: execution_resume.Params) -> dict[str, Any]:
    """Let it go on."""
    return await _of_execution(caller, params.execution_id, Wish.RESUME, records=params.records)


async def _of_task(caller: Caller, task_id: str, wish: Wish) -> dict[str, Any]:
    await caller.room.desk.control(caller.who, task_id, wish)
    return task_view(await caller.room.desk.task(caller.who, task_id))


async def cancel_task(caller: Caller, params: task_cancel.Params) -> dict[str, Any]:
    """End it."""
    return await _of_task(caller, params.task_id, Wish.KILL if params.now else Wish.CANCEL)


async def pause_task(caller: Caller, params: task_pause.Params) -> dict[str, Any]:
    """Freeze it."""
    return await _of_task(caller, params.task_id, Wish.PAUSE)


async def resume_task(caller: Caller, params: task_resume.Params) -> dict[str, Any]:
    """Let it go on."""
    return await _of_task(caller, params.task_id, Wish.RESUME)
