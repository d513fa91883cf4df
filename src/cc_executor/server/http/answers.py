"""What a request is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from cc_executor.errors import CCExecutorError
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.results import ExecutionResult
from cc_executor.protocol.faults import signs_of
from cc_executor.server.app import error_object, refusal_headers

#: What waiting for an execution is answered with: only a success is a 200. The server is a gateway
#: to the agent, whose failures are not the request's.
STATUS_OF_STATE: Final[Mapping[TaskState, int]] = {
    TaskState.QUEUED: 202,
    TaskState.RUNNING: 202,
    TaskState.PAUSED: 202,
    TaskState.SUCCEEDED: 200,
    TaskState.FAILED: 502,
    TaskState.LOST: 502,
    TaskState.TIMED_OUT: 504,
    TaskState.CANCELLED: 409,
    TaskState.SKIPPED: 409,
}


def json(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with a JSON value."""
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


def refused(refusal: CCExecutorError) -> Response:
    """Return the answer that says why not."""
    answer = json(error_object(refusal), status=signs_of(refusal).http)
    for name, value in refusal_headers(refusal):
        answer.headers[name.decode()] = value.decode()
    return answer


def accepted(result: ExecutionResult) -> Response:
    """Return the answer to what has been recorded and goes on."""
    place = f"/executions/{result.id}"
    value: dict[str, Any] = {**result.to_json(), "location": place}
    return json(value, status=202, headers={"location": place})


def ended(result: ExecutionResult) -> Response:
    """Return the answer to whoever has waited for the end, or for as long as they wanted."""
    return json(result.to_json(), status=STATUS_OF_STATE[result.state])
