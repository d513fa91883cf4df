"""The description of this door: for programs as OpenAPI, for people as a page without a script."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import cc_executor
from cc_executor.model.outlooks import Outlook
from cc_executor.protocol.views import ExecutionView, ListedView, ProgressView
from cc_executor.server.http import answers

Handler = Callable[[Request], Awaitable[Response]]

_PAGE_HEADERS: Final = {
    # The page is text: nothing in it may run, load or be framed.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-frame-options": "DENY",
}


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A page of executions.

    Attributes:
        next: `before` of the next page; null when this page was not full.
    """

    executions: list[ListedView]
    next: str | None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why not.

    Attributes:
        error: `message`, `code` (stable, a word), `hint`, `retryable`, and the facts of it.
    """

    error: dict[str, Any]


class Parameter(NamedTuple):
    """One parameter of the query or the head."""

    name: str
    where: str
    kind: str
    meaning: str


class Described(NamedTuple):
    """What the description says of a route besides the docstring of its handler."""

    parameters: tuple[Parameter, ...] = ()
    takes: str | None = None
    gives: str = "object"
    statuses: tuple[int, ...] = (200,)


_WAIT: Final = (
    Parameter("wait", "query", "boolean", "Answer when it has ended, or the time is up."),
    Parameter("timeout", "query", "integer", "Seconds to wait, 1 to 300; default 60."),
)
_IN_PATHS: Final = {
    "execution_id": "Id of the execution.",
    "path": "Path of the file, as listed.",
}
_ENDED: Final = (200, 202, 409, 502, 504)
_OF_EXECUTION: Final = Described(gives="ExecutionView")

DESCRIBED: Final[Mapping[str, Described]] = {
    "POST /execute": Described(
        parameters=(
            *_WAIT,
            Parameter(
                "Idempotency-Key", "header", "string", "Repeated, it gives the same execution."
            ),
        ),
        takes="TaskList",
        gives="ExecutionView",
        statuses=_ENDED,
    ),
    "GET /executions": Described(
        parameters=(
            Parameter("state", "query", "string", "Only those in this state; may be repeated."),
            Parameter("limit", "query", "integer", "1 to 1000; default 100."),
            Parameter("before", "query", "string", "Only older ones: `next` of the page before."),
        ),
        gives="Listing",
    ),
    "GET /executions/{execution_id}": _OF_EXECUTION,
    "DELETE /executions/{execution_id}": _OF_EXECUTION,
    "POST /executions/{execution_id}/pause": _OF_EXECUTION,
    "POST /executions/{execution_id}/resume": _OF_EXECUTION,
    "POST /executions/{execution_id}/continue": Described(
        parameters=_WAIT, gives="ExecutionView", statuses=_ENDED
    ),
    "GET /executions/{execution_id}/progress": Described(gives="ProgressView"),
    "GET /executions/{execution_id}/results": Described(
        parameters=_WAIT, gives="ExecutionView", statuses=_ENDED
    ),
    "GET /executions/{execution_id}/events": Described(
        parameters=(
            Parameter("Last-Event-ID", "header", "string", "Go on after this event."),
            Parameter("after", "query", "string", "The same, for who cannot set headers."),
            Parameter("raw", "query", "boolean", "Leave out what was read in the output."),
            Parameter(
                "progress", "query", "boolean", "Tell how far each task is: `task.progress`."
            ),
        ),
        gives="text/event-stream",
    ),
    "GET /executions/{execution_id}/files/{path:path}": Described(
        parameters=(
            Parameter("Range", "header", "string", "One range: `bytes=0-99`, `bytes=100-`."),
            Parameter("task_id", "query", "string", "Which task's; default: the last one's."),
        ),
        gives="application/octet-stream",
        statuses=(200, 206, 413, 416),
    ),
    "GET /executions/{execution_id}/forecast": Described(gives="Outlook"),
    "POST /forecast": Described(takes="TaskList", gives="Outlook"),
    "GET /metrics": Described(gives="text/plain"),
    "GET /docs": Described(gives="text/html"),
    "GET /health": Described(statuses=(200, 503)),
    "GET /ready": Described(statuses=(200, 503)),
}


class Reference:
    """The handlers; `describe` has to be called before they are.

    Attributes:
        document: The OpenAPI document.
    """

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}

    def describe(
        self, routes: Sequence[tuple[str, str, Handler]], open_paths: frozenset[str]
    ) -> None:
        """Make the document of all routes."""
        _, schemas = msgspec.json.schema_components(
            (ExecutionView, Listing, Outlook, ProgressView, Refused),
            ref_template="#/components/schemas/{name}",
        )
        schemas["TaskList"] = {
            "type": "object",
            "description": "As a task file in JSON: docs/reference/task-lists.md.",
            "required": ["tasks"],
            "properties": {"tasks": {"type": "array"}},
        }
        paths: dict[str, dict[str, Any]] = {}
        for method, path, handler in routes:
            described = DESCRIBED.get(f"{method} {path}", Described())
            operation = _operation(path, handler, described)
            if path in open_paths:
                operation["security"] = []
            paths.setdefault(_template(path), {})[method.lower()] = operation
        self.document = {
            "openapi": "3.1.0",
            "info": {
                "title": "CC Executor",
                "version": cc_executor.__version__,
                "description": "Runs coding-agent CLIs as supervised, durable tasks.",
            },
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }

    async def openapi(self, _request: Request) -> Response:
        """`GET /openapi.json`: this description."""
        return answers.json(self.document)

    async def page(self, _request: Request) -> Response:
        """`GET /docs`: this description, to be read."""
        return HTMLResponse(page_of(self.document), headers=_PAGE_HEADERS)


def _template(path: str) -> str:
    """Return a route's path as OpenAPI writes it."""
    return path.replace(":path}", "}")


def _operation(path: str, handler: Handler, described: Described) -> dict[str, Any]:
    parameters = [
        {
            "name": one.name,
            "in": one.where,
            "required": False,
            "description": one.meaning,
            "schema": {"type": one.kind},
        }
        for one in described.parameters
    ]
    parameters += [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _IN_PATHS[name],
            "schema": {"type": "string"},
        }
        for name in re.findall(r"\{(\w+)\}", _template(path))
    ]
    content = _content(described.gives)
    operation: dict[str, Any] = {
        "summary": _summary(handler),
        "parameters": parameters,
        "responses": {
            **{
                str(status): {"description": "", "content": content}
                for status in described.statuses
            },
            "default": {"description": "Refused.", "content": _content("Refused")},
        },
    }
    if described.takes is not None:
        operation["requestBody"] = {"required": True, "content": _content(described.takes)}
    return operation


def _content(kind: str) -> dict[str, Any]:
    if "/" in kind:
        return {kind: {"schema": {"type": "string"}}}
    if kind == "object":
        return {"application/json": {"schema": {"type": "object"}}}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind}"}}}


def _summary(handler: Handler) -> str:
    first = (inspect.getdoc(handler) or "").partition("\n")[0]
    return first.partition("`: ")[2] or first


def page_of(document: Mapping[str, Any]) -> str:
    """Return the description as HTML."""
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parameters = "".join(
                f"<li><code>{html.escape(one['name'])}</code> ({one['in']}):"
                f" {html.escape(one['description'])}</li>"
                for one in operation["parameters"]
                if one["in"] != "path"
            )
            statuses = ", ".join(status for status in operation["responses"] if status.isdigit())
            rows.append(
                f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
                f"<p>{html.escape(operation['summary'])}</p><ul>{parameters}</ul>"
                f"<p>Answers {statuses}.</p>"
            )
    title = html.escape(document["info"]["title"])
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
        "<style>body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
        "</style>"
        f"<h1>{title}</h1><p>Send <code>Authorization: Bearer TOKEN</code>. For programs:"
        f" <code>/openapi.json</code>. WebSockets: <code>/ws/mcp</code>.</p>{''.join(rows)}</html>"
    )
