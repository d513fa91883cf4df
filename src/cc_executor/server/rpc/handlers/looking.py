"""Methods that only look."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.outlooks import Outlook
from cc_executor.protocol.methods import (
    execution_get,
    execution_list,
    execution_progress,
    execution_wait,
    forecast_get,
    history_list,
    hook_status,
    task_get,
)
from cc_executor.protocol.methods import status as status_
from cc_executor.protocol.views import ProgressView, execution_view, listed_view, task_view
from cc_executor.server.rpc.caller import Caller

_ENDED: Final = tuple(state for state in TaskState if is_final(state))


async def execution(caller: Caller, params: execution_get.Params) -> dict[str, Any]:
    """Return an execution."""
    result = await caller.room.desk.get(caller.who, params.execution_id)
    return execution_view(result, records=params.records)


async def progress(caller: Caller, params: execution_progress.Params) -> ProgressView:
    """Return how far an execution is."""
    return await caller.room.desk.progress(caller.who, params.execution_id)


async def wait(caller: Caller, params: execution_wait.Params) -> dict[str, Any]:
    """Return an execution that has ended, or as it stands when the time is up."""
    desk = caller.room.desk
    try:
        async with asyncio.timeout(params.within_s):
            result = await desk.finished(caller.who, params.execution_id)
    except TimeoutError:
        result = await desk.get(caller.who, params.execution_id)
    return execution_view(result, records=params.records)


async def executions(caller: Caller, params: execution_list.Params) -> dict[str, Any]:
    """Return a page of executions."""
    page = await caller.room.desk.list(
        caller.who, states=params.states, before=params.before, limit=params.limit
    )
    return {
        "executions": [listed_view(one, records=params.records) for one in page],
        "next": page[-1].id if len(page) == params.limit else None,
    }


async def history(caller: Caller, params: history_list.Params) -> dict[str, Any]:
    """Return a page of ended executions with their tasks."""
    page = await caller.room.desk.list(
        caller.who, states=_ENDED, before=params.before, limit=params.limit
    )
    results = [await caller.room.desk.get(caller.who, one.id) for one in page]
    return {
        "executions": [execution_view(one, records=params.records) for one in results],
        "next": page[-1].id if len(page) == params.limit else None,
    }


async def forecast(caller: Caller, params: forecast_get.Params) -> Outlook:
    """Return what a list may take, or what an execution has left."""
    value = forecast_get.task_list_value(params)
    if value is None:
        return await caller.room.desk.forecast_left(caller.who, params.execution_id or "")
    return await caller.room.desk.forecast(caller.who, value, sequential=params.sequential)


async def task(caller: Caller, params: task_get.Params) -> dict[str, Any]:
    """Return a task."""
    return task_view(await caller.room.desk.task(caller.who, params.task_id))


async def status(caller: Caller, _params: status_.Params) -> status_.Result:
    """Return how the server and the session are."""
    facts = await caller.room.facts()
    session = status_.SessionFacts(
        session_id=caller.session.id,
        principal=caller.who.name,
        scopes=sorted(caller.who.scopes),
        subscriptions=len(caller.streams),
        unfinished=len(caller.started),
    )
    return msgspec.structs.replace(facts, session=session)


async def hooks(_caller: Caller, _params: hook_status.Params) -> hook_status.Result:
    """Return that there are none."""
    return hook_status.Result()
