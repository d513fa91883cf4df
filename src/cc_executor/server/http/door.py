"""The routes, and what each of them is counted as."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cc_executor.errors import CCExecutorError, NoSuchPath, ServerFailed
from cc_executor.protocol.faults import signs_of
from cc_executor.server.app import OPEN_PATHS
from cc_executor.server.http import answers
from cc_executor.server.http.events import Events
from cc_executor.server.http.executions import Executions
from cc_executor.server.http.files import Files
from cc_executor.server.http.health import Health
from cc_executor.server.http.metrics import Metrics
from cc_executor.server.http.reference import Reference
from cc_executor.server.vitals import Vitals

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
_ONE: Final = "/executions/{execution_id}"


def http_door(
    *,
    executions: Executions,
    events: Events,
    files: Files,
    health: Health,
    metrics: Metrics,
    reference: Reference,
    vitals: Vitals,
) -> Starlette:
    """Return the application that answers HTTP requests."""
    table: tuple[tuple[str, str, Handler], ...] = (
        ("POST", "/execute", executions.submit),
        ("GET", "/executions", executions.list),
        ("GET", _ONE, executions.get),
        ("DELETE", _ONE, executions.cancel),
        ("GET", f"{_ONE}/status", executions.status),
        ("GET", f"{_ONE}/progress", executions.progress),
        ("GET", f"{_ONE}/results", executions.results),
        ("GET", f"{_ONE}/events", events.stream),
        ("GET", f"{_ONE}/files", files.list),
        ("GET", f"{_ONE}/files/{{path:path}}", files.fetch),
        ("GET", f"{_ONE}/forecast", executions.forecast_left),
        ("POST", f"{_ONE}/pause", executions.pause),
        ("POST", f"{_ONE}/resume", executions.resume),
        ("POST", f"{_ONE}/continue", executions.continue_),
        ("POST", "/forecast", executions.forecast),
        ("GET", "/health", health.health),
        ("GET", "/healthz", health.alive),
        ("GET", "/ready", health.ready),
        ("GET", "/auth/status", health.auth),
        ("GET", "/metrics", metrics.scrape),
        ("GET", "/openapi.json", reference.openapi),
        ("GET", "/docs", reference.page),
    )
    reference.describe(table, OPEN_PATHS)
    return Starlette(
        routes=[
            Route(path, _counted(f"{method} {path}", handler, vitals), methods=[method])
            for method, path, handler in table
        ],
        exception_handlers={404: _no_such_path, 405: _no_such_path},
    )


def _counted(what: str, handler: Handler, vitals: Vitals) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            answered = await handler(request)
        except CCExecutorError as refusal:
            vitals.answered("http", what, refusal.code)
            if signs_of(refusal).http >= 500:
                _log.warning("failed", extra={"request": what, "refusal": str(refusal)})
            return answers.refused(refusal)
        except Exception:  # noqa: BLE001 - it is logged whole; the client learns nothing of it
            vitals.answered("http", what, "internal")
            _log.exception("internal error", extra={"request": what})
            return answers.refused(ServerFailed())
        vitals.answered("http", what, str(answered.status_code))
        return answered

    return answer


async def _no_such_path(request: Request, _error: Exception) -> Response:
    return answers.refused(NoSuchPath(request.method, request.url.path[:200]))
