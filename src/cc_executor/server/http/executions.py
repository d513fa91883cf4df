"""Executions over HTTP: submit, list, look, wait, control."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cc_executor.errors import InvalidParams
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.records import Wish
from cc_executor.model.results import ExecutionResult
from cc_executor.protocol.views import listed_view
from cc_executor.server.desk import Desk
from cc_executor.server.http import answers
from cc_executor.server.http.requests import Limits, json_body, wait_s, who, whole_number


class Executions:
    """The handlers.

    Args:
        desk: Does it.
        limits: Of bodies.
    """

    def __init__(self, desk: Desk, limits: Limits) -> None:
        self._desk = desk
        self._limits = limits

    async def submit(self, request: Request) -> Response:
        """`POST /execute`: a task list; 202 and its id, or its end with `wait=true`."""
        wait = wait_s(request)
        value = await json_body(request, self._limits)
        key = request.headers.get("idempotency-key")
        if isinstance(value, dict):
            value = dict(value)
            in_body = value.pop("idempotency_key", None)
            key = key if key is not None else in_body
        if key is not None and not isinstance(key, str):
            raise InvalidParams("idempotency_key", "must be a string")
        result = await self._desk.submit(who(request), value, idempotency_key=key)
        return await self._answer(request, result, wait)

    async def continue_(self, request: Request) -> Response:
        """`POST /executions/{id}/continue`: run what is left; 202 and the new id."""
        wait = wait_s(request)
        result = await self._desk.continue_(who(request), _id(request))
        return await self._answer(request, result, wait)

    async def _answer(
        self, request: Request, result: ExecutionResult, wait: float | None
    ) -> Response:
        if wait is None:
            return answers.accepted(result)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                result = await self._desk.finished(who(request), result.id)
        if not result.is_final:
            result = await self._desk.get(who(request), result.id)
        return answers.ended(result)

    async def list(self, request: Request) -> Response:
        """`GET /executions`: newest first; `state`, `limit` and `before` choose."""
        limit = whole_number(request, "limit", 100, low=1, high=1000)
        records = await self._desk.list(
            who(request),
            states=_states(request),
            before=request.query_params.get("before"),
            limit=limit,
        )
        return answers.json(
            {
                "executions": [listed_view(one) for one in records],
                "next": records[-1].id if len(records) == limit else None,
            }
        )

    async def get(self, request: Request) -> Response:
        """`GET /executions/{id}`: all of it, as it stands."""
        return answers.json((await self._desk.get(who(request), _id(request))).to_json())

    async def status(self, request: Request) -> Response:
        """`GET /executions/{id}/status`: the states, and nothing else."""
        result = await self._desk.get(who(request), _id(request))
        return answers.json(
            {
                "execution_id": result.id,
                "state": result.state,
                "final": result.is_final,
                "tasks": [
                    {"name": task.name, "task_id": task.task_id, "state": task.state}
                    for task in result.tasks
                ],
            }
        )

    async def progress(self, request: Request) -> Response:
        """`GET /executions/{id}/progress`: how far each task is, while it runs and after."""
        return answers.json(await self._desk.progress(who(request), _id(request)))

    async def results(self, request: Request) -> Response:
        """`GET /executions/{id}/results`: how it ended; 202 while it has not, and only a success is a 200."""
        wait = wait_s(request)
        result = await self._desk.get(who(request), _id(request))
        if wait is None or result.is_final:
            return answers.ended(result)
        return await self._answer(request, result, wait)

    async def forecast(self, request: Request) -> Response:
        """`POST /forecast`: what a task list may take; nothing is started."""
        value = await json_body(request, self._limits)
        return answers.json(await self._desk.forecast(who(request), value))

    async def forecast_left(self, request: Request) -> Response:
        """`GET /executions/{id}/forecast`: what it has left."""
        return answers.json(await self._desk.forecast_left(who(request), _id(request)))

    async def cancel(self, request: Request) -> Response:
        """`DELETE /executions/{id}`: returns when no process of it is left."""
        return await self._control(request, Wish.CANCEL)

    async def pause(self, request: Request) -> Response:
        """`POST /executions/{id}/pause`: freeze it."""
        return await self._control(request, Wish.PAUSE)

    async def resume(self, request: Request) -> Response:
        """`POST /executions/{id}/resume`: let it go on."""
        return await self._control(request, Wish.RESUME)

    async def _control(self, request: Request, wish: Wish) -> Response:
        result = await self._desk.control(who(request), _id(request), wish)
        return answers.json(result.to_json())


def _id(request: Request) -> str:
    wanted: Any = request.path_params["execution_id"]
    return str(wanted)


def _states(request: Request) -> list[TaskState] | None:
    wanted = request.query_params.getlist("state")
    try:
        return [TaskState(one) for one in wanted] or None
    except ValueError:
        known = ", ".join(TaskState)
        raise InvalidParams("state", f"must be of {known}") from None
