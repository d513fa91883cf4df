"""The one application behind every socket: who is it, may they, and then which door."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, Final

import msgspec

from cc_executor.errors import CCExecutorError, NoSuchPath, NotAuthenticated, RateLimited
from cc_executor.model.principals import Principal
from cc_executor.protocol.faults import data_of, signs_of
from cc_executor.server.listener.connections import Connection
from cc_executor.server.security import cors
from cc_executor.server.security.guard import Guard
from cc_executor.server.security.head import CONNECTION, Head, head_of

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Key of `scope["state"]` under which the doors find who asks; None on what needs no token.
PRINCIPAL: Final = "cc_executor.principal"
#: What answers without a token: it tells nothing but that a server is here.
OPEN_PATHS: Final = frozenset({"/healthz", "/ready", "/auth/status", "/openapi.json", "/docs"})
_WEBSOCKETS: Final = frozenset({"/ws", "/ws/mcp"})


class Presence:
    """Who is being served just now, so that a token that is taken back ends what it let in."""

    def __init__(self) -> None:
        self._present: dict[object, tuple[Principal, Callable[[], None]]] = {}

    @contextlib.contextmanager
    def of(self, principal: Principal, end: Callable[[], None]) -> Iterator[None]:
        """Count a principal as present; `end` cuts off what it is served."""
        key = object()
        self._present[key] = (principal, end)
        try:
            yield
        finally:
            del self._present[key]

    def end_those(self, are_refused: Callable[[Principal], bool]) -> int:
        """Cut off everybody who would not be let in any more; return how many."""
        ended = [end for principal, end in self._present.values() if are_refused(principal)]
        for end in ended:
            end()
        return len(ended)


class App:
    """Implements ASGI: nobody reaches a door without having passed the guard.

    Args:
        guard: Decides who gets in.
        presence: Told who is served.
        http: Answers HTTP requests.
        rpc: Speaks JSON-RPC over WebSockets.
    """

    def __init__(self, guard: Guard, presence: Presence, *, http: Asgi, rpc: Asgi) -> None:
        self._guard = guard
        self._presence = presence
        self._http = http
        self._rpc = rpc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or be one WebSocket to its end."""
        connection: Connection = scope["state"][CONNECTION]
        head = head_of(scope, connection.peer)
        try:
            self._guard.check_source(head)
            if scope["type"] == "http":
                send = _saying(send, cors.ALWAYS + cors.answer_to_page(head))
                if cors.is_preflight(scope["method"], head):
                    await _agree(send, cors.preflight(head))
                    return
            principal = self._admitted(scope, head)
        except CCExecutorError as refusal:
            _log.warning(
                "refused",
                extra={"refusal": refusal.code, "peer": connection.peer.address or "unix"},
            )
            await refuse(scope, send, refusal)
            return
        scope["state"][PRINCIPAL] = principal
        door = self._rpc if scope["type"] == "websocket" else self._http
        if principal is None:
            await door(scope, receive, send)
            return
        connection.identified()
        with self._presence.of(principal, connection.transport.abort):
            await door(scope, receive, send)

    def _admitted(self, scope: Scope, head: Head) -> Principal | None:
        if scope["type"] == "http" and scope["path"] in OPEN_PATHS:
            with contextlib.suppress(NotAuthenticated):
                return self._guard.identify(head)
            return None
        principal = self._guard.admit(head)
        if scope["type"] == "websocket" and scope["path"] not in _WEBSOCKETS:
            raise NoSuchPath("WebSocket", scope["path"][:200])
        return principal


def _saying(send: Send, more: cors.Headers) -> Send:
    """Return a channel whose answers say more in their heads."""

    async def say(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return say


async def _agree(send: Send, headers: cors.Headers) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def refuse(scope: Scope, send: Send, refusal: CCExecutorError) -> None:
    """Answer with a refusal: the status of its kind, and a JSON object that says why."""
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    body = msgspec.json.encode(error_object(refusal))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *refusal_headers(refusal),
    ]
    await send({"type": f"{kind}.start", "status": signs_of(refusal).http, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def error_object(refusal: CCExecutorError) -> dict[str, Any]:
    """Return what a refused HTTP request is answered with."""
    return {"error": {"message": str(refusal), **data_of(refusal)}}


def refusal_headers(refusal: CCExecutorError) -> list[tuple[bytes, bytes]]:
    """Return what the head of such an answer says besides."""
    if isinstance(refusal, NotAuthenticated):
        return [(b"www-authenticate", b"Bearer")]
    if isinstance(refusal, RateLimited):
        return [(b"retry-after", str(int(refusal.retry_after_s) + 1).encode())]
    return []
