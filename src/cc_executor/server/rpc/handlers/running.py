"""Methods that begin something."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from cc_executor.model.events import Lifecycle, StreamEvent
from cc_executor.model.sessions import Subscription
from cc_executor.protocol.methods import execute as execute_
from cc_executor.protocol.methods import execution_continue, task_list_submit
from cc_executor.protocol.views import execution_view
from cc_executor.server.rpc.caller import Caller

#: An agent that takes longer to start is answered without its process id.
_START_S: Final = 10.0


async def execute(caller: Caller, params: execute_.Params) -> execute_.Result:
    """Run one program or prompt, after what this connection has begun before."""
    value = execute_.task_list_value(params)
    async with contextlib.AsyncExitStack() as stack:
        if not params.concurrent:
            await stack.enter_async_context(caller.turn)
            await _over(caller)
        result = await caller.room.desk.submit(
            caller.who, value, idempotency_key=params.idempotency_key
        )
        caller.started.append(result.id)
    subscription = await caller.follow(
        Subscription(execution_id=result.id), agent_events=True, until_end=True
    )
    pid = await _pid(caller, result.id)
    return execute_.Result(
        status="started",
        execution_id=result.id,
        task_id=result.tasks[0].task_id,
        pid=pid,
        pgid=pid,
        subscription=subscription,
    )


async def _over(caller: Caller) -> None:
    """Return when everything that was begun on this connection has ended."""
    for execution_id in tuple(caller.started):
        await caller.room.desk.finished(caller.who, execution_id)
        with contextlib.suppress(ValueError):
            caller.started.remove(execution_id)


async def _pid(caller: Caller, execution_id: str) -> int | None:
    """Return the process id of the first attempt, None when there is none in time."""
    batches = await caller.room.desk.follow(caller.who, execution_id, agent_events=False)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_S), contextlib.aclosing(batches):
            async for batch in batches:
                for event in batch:
                    if (pid := _started(event)) is not None:
                        return pid
    return None


def _started(event: StreamEvent) -> int | None:
    if isinstance(event, Lifecycle) and event.kind == "attempt.started":
        pid = event.data.get("pid")
        return pid if isinstance(pid, int) else None
    return None


async def submit(caller: Caller, params: task_list_submit.Params) -> dict[str, Any]:
    """Run a task list."""
    result = await caller.room.desk.submit(
        caller.who,
        task_list_submit.task_list_value(params),
        sequential=params.sequential,
        idempotency_key=params.idempotency_key,
        execution_id=params.execution_id,
    )
    return execution_view(result, records=params.records)


async def continue_(caller: Caller, params: execution_continue.Params) -> dict[str, Any]:
    """Run what an ended execution has left."""
    result = await caller.room.desk.continue_(caller.who, params.execution_id)
    return execution_view(result, records=params.records)
