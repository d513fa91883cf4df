"""One WebSocket from its handshake to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Final

import cc_executor
from cc_executor.errors import CCExecutorError, LimitReached, NotPermitted
from cc_executor.model.principals import Principal
from cc_executor.protocol import jsonrpc
from cc_executor.protocol.faults import fault_of
from cc_executor.protocol.jsonrpc import Batch, Call, Invalid, Notification, Request, Response
from cc_executor.protocol.methods import method_named, read_params
from cc_executor.protocol.notifications import Connected
from cc_executor.server.app import PRINCIPAL
from cc_executor.server.rpc.caller import Caller
from cc_executor.server.rpc.handlers import HANDLERS
from cc_executor.server.rpc.outlet import Outlet
from cc_executor.server.rpc.room import Room
from cc_executor.server.rpc.session import HeldSession
from cc_executor.server.rpc.streams import Streams

_log = logging.getLogger(__name__)

SUBPROTOCOL: Final = "jsonrpc"
#: Close codes. Source: RFC 6455, 7.4, and its registry.
_GOING_AWAY: Final = 1001
_POLICY: Final = 1008
_RESTART: Final = 1012
_TRY_LATER: Final = 1013
#: Larger messages are read in a thread.
_LARGE_BYTES: Final = 64 * 1024

Message = MutableMapping[str, Any]


class RpcDoor:
    """Implements ASGI for WebSockets that the guard has let in."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._open: set[Connection] = set()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Be one connection to its end."""
        connection = Connection(self._room, scope["state"][PRINCIPAL], receive, send)
        self._open.add(connection)
        try:
            await connection.run(offered=scope["subprotocols"])
        except OSError:
            pass  # the peer has gone while it was being told something
        finally:
            self._open.discard(connection)

    def close(self) -> None:
        """Ask every client to come back to the next server."""
        for connection in tuple(self._open):
            connection.end(_RESTART, "the server is stopping; come back and resume")


class Connection:
    """One client.

    Args:
        room: What all connections share.
        who: Who it is.
        receive: ASGI: what comes in.
        send: ASGI: what goes out.
    """

    def __init__(
        self,
        room: Room,
        who: Principal,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._room = room
        self._who = who
        self._receive = receive
        self._send = send
        self._outlet = Outlet(send, room.vitals)
        self._session = HeldSession(room, who, self._taken)
        self._streams = Streams(
            who,
            room.desk,
            self._outlet,
            max_streams=room.limits.max_subscriptions,
            vitals=room.vitals,
        )
        self._caller = Caller(room, who, self._session, self._streams)
        self._answering: set[asyncio.Task[None]] = set()
        self._unanswered = 0
        self._ending: asyncio.Task[None] | None = None

    async def run(self, *, offered: list[str]) -> None:
        """Serve the client until it goes, or has to."""
        await self._receive()  # websocket.connect
        await self._send(
            {
                "type": "websocket.accept",
                "subprotocol": SUBPROTOCOL if SUBPROTOCOL in offered else None,
            }
        )
        try:
            await self._session.open()
        except CCExecutorError as refusal:
            await self._outlet.message(jsonrpc.fault(None, fault_of(refusal)))
            await self._close(_TRY_LATER, str(refusal))
            return
        helpers = [
            asyncio.create_task(self._streams.keep_alive()),
            asyncio.create_task(
                self._session.save_now_and_then(lambda: self._streams.subscriptions)
            ),
        ]
        try:
            await self._outlet.notify(
                "connected",
                Connected(
                    session_id=self._session.id,
                    version=cc_executor.__version__,
                    resume_token=self._session.token,
                ),
            )
            await self._take_messages()
        finally:
            await self._leave(helpers)

    def end(self, code: int, reason: str) -> None:
        """Close the connection from outside."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._close(code, reason))

    # --- messages ----------------------------------------------------------------------------

    async def _take_messages(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._room.limits.idle_s):
                    message = await self._receive()
            except TimeoutError:
                if self._streams or self._answering:
                    continue
                await self._close(_GOING_AWAY, "nothing was asked for a long time")
                return
            if message["type"] == "websocket.disconnect":
                return
            await self._take(message)

    async def _take(self, message: Message) -> None:
        data: str | bytes = message.get("text") or message.get("bytes") or b""
        limits = self._room.limits.messages
        if len(data) > _LARGE_BYTES:
            decoded = await asyncio.to_thread(jsonrpc.decode, data, limits)
        else:
            decoded = jsonrpc.decode(data, limits)
        calls = decoded.calls if isinstance(decoded, Batch) else (decoded.call,)
        as_batch = isinstance(decoded, Batch)
        if self._unanswered >= self._room.limits.max_outstanding:
            await self._refuse(calls, as_batch=as_batch)
            return
        self._unanswered += len(calls)
        task = asyncio.create_task(self._answer(calls, as_batch=as_batch))
        self._answering.add(task)
        task.add_done_callback(partial(self._answered, calls=len(calls)))

    def _answered(self, task: asyncio.Task[None], /, *, calls: int) -> None:
        self._answering.discard(task)
        self._unanswered -= calls

    async def _refuse(self, calls: tuple[Call, ...], *, as_batch: bool) -> None:
        """Refuse calls at once. Nothing more is taken until the peer has read that."""
        limit = self._room.limits.max_outstanding
        refusal = LimitReached(
            "max_outstanding", value=limit, asked=limit + 1, unit="unanswered requests"
        )
        faults = [
            jsonrpc.fault(call.id, call.fault if isinstance(call, Invalid) else fault_of(refusal))
            for call in calls
            if isinstance(call, Request | Invalid)  # a notification is never answered
        ]
        answer = jsonrpc.batch(faults) if as_batch else next(iter(faults), None)
        self._room.vitals.answered("rpc", "refused", refusal.code)
        if answer is not None:
            await self._outlet.message(answer)

    async def _answer(self, calls: tuple[Call, ...], *, as_batch: bool) -> None:
        try:
            if not as_batch:
                answer = await self._result(calls[0])
            else:
                answers = await asyncio.gather(*map(self._result, calls))
                answer = jsonrpc.batch([one for one in answers if one is not None])
            if answer is not None:
                await self._outlet.message(answer)
        except OSError:
            return  # the peer has gone: there is nobody to answer

    async def _result(self, call: Call) -> bytes | None:
        if isinstance(call, Response):
            return None
        if isinstance(call, Invalid):
            self._room.vitals.answered("rpc", "invalid", str(call.fault.code))
            return jsonrpc.fault(call.id, call.fault)
        try:
            value = await self._done(call)
        except CCExecutorError as refusal:
            self._room.vitals.answered("rpc", _known(call), refusal.code)
            error: Exception = refusal
        except OSError:
            raise
        except Exception as bug:  # noqa: BLE001 - it is logged whole; the client learns nothing of it
            self._room.vitals.answered("rpc", _known(call), "internal")
            _log.exception("internal error", extra={"method": _known(call)})
            error = bug
        else:
            self._room.vitals.answered("rpc", _known(call), "ok")
            return None if isinstance(call, Notification) else jsonrpc.result(call.id, value)
        return None if isinstance(call, Notification) else jsonrpc.fault(call.id, fault_of(error))

    async def _done(self, call: Request | Notification) -> object:
        self._room.charge(self._who)
        method = method_named(call.method)
        if not self._who.may(method.scope):
            raise NotPermitted(method.scope)
        return await HANDLERS[method.name](self._caller, read_params(method.params, call.params))

    # --- the end -----------------------------------------------------------------------------

    def _taken(self) -> None:
        self.end(_POLICY, "the session was taken up by another connection")

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # closed already
            await self._send({"type": "websocket.close", "code": code, "reason": reason[:100]})

    async def _leave(self, helpers: list[asyncio.Task[None]]) -> None:
        subscriptions = dict(self._streams.subscriptions)
        for task in (*helpers, *self._answering):
            task.cancel()
        await asyncio.gather(*helpers, *self._answering, return_exceptions=True)
        await self._streams.aclose()
        try:
            await self._session.save(subscriptions)
        except CCExecutorError as error:
            _log.info("session was not kept", extra={"problem": str(error)})
        await self._session.leave()


def _known(call: Request | Notification) -> str:
    """Return the method's name if there is such a method: what clients make up is not counted."""
    return call.method if call.method in HANDLERS else "unknown"
