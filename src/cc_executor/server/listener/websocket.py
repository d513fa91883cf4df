"""WebSockets as uvicorn speaks them, with bounds on fragments and on peers that stand still."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from cc_executor.server.listener.connections import Connection
from cc_executor.server.security.head import CONNECTION

#: Type of an ASGI message of ours: `parts` of one WebSocket message, `binary` or UTF-8. What ASGI
#: has instead wants text decoded that is encoded again at once, and everything in one piece.
SEND_PARTS: Final = "cc_executor.send"

_POLICY_VIOLATION: Final = 1008
#: How long a peer may take to read the last words before its socket is taken away.
_FAREWELL_S: Final = 5.0


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket; `websocket_protocol` binds the bounds to a class that uvicorn can make."""

    max_fragments: int

    _fragments = 0
    _is_deaf = False
    #: What a peer that does not read is owed: the pong of its last ping. Source: RFC 6455, 5.5.3.
    _owed: bytes | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection no longer."""
        connection = self.app_state.get(CONNECTION)
        if isinstance(connection, Connection):
            connection.left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; after our last words nothing is taken any more."""
        if not self._is_deaf and not self.transport.is_closing():
            super().data_received(data)

    def handle_ping(self) -> None:
        """Answer; a peer that asks and asks but does not read gets one answer when it does."""
        if self.writable.is_set():
            super().handle_ping()
        elif answers := self.conn.data_to_send():
            self._owed = answers[-1]

    def resume_writing(self) -> None:
        """The peer reads again."""
        super().resume_writing()
        if self._owed is not None and not self.close_sent:
            self.transport.write(self._owed)
        self._owed = None

    def handle_text(self, event: Frame) -> None:
        """Take the first frame of a message."""
        self._fragments = 1
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take the first frame of a message."""
        self._fragments = 1
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Take one more frame of a message, if it has not too many."""
        self._fragments += 1
        if self._fragments <= self.max_fragments:
            super().handle_cont(event)
        elif not self.close_sent:
            self.frames = []
            self.conn.fail(_POLICY_VIOLATION, f"more than {self.max_fragments} fragments")
            self.handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """Say why it ends; whether the peer reads it or not, it ends.

        The socket stays for a moment and what comes in is thrown away: closed under a peer that is
        still sending, it would be reset, and the peer would never read why.
        """
        said = self.conn.close_sent
        if self._is_deaf or said is None:
            return
        self._is_deaf = True
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": said.code, "reason": said.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.frames = []
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            # While there is a timer, the end of the application does not close the socket.
            self.close_timer = self.loop.call_later(_FAREWELL_S, self.transport.abort)
        else:  # TLS, whose end takes what still comes in
            self.transport.close()
            self._end_for_sure()

    def handle_close(self, event: Frame) -> None:
        """Answer; whether the peer reads it or not, it ends."""
        super().handle_close(event)
        self._end_for_sure()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says; its last words are read in time or not at all."""
        ours = cast("Mapping[str, Any]", message)
        if ours["type"] == SEND_PARTS:
            await self._send_parts(ours["parts"], binary=ours["binary"])
            return
        await super().send(message)
        if message["type"] == "websocket.close":
            self.loop.call_later(self.close_timeout, self._end_for_sure)

    async def _send_parts(self, parts: Sequence[bytes], *, binary: bool) -> None:
        """Send one message as it is, in one frame, without putting its parts together."""
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        opcode = Opcode.BINARY if binary else Opcode.TEXT
        if self.conn.extensions:  # it is to be deflated
            send = self.conn.send_binary if binary else self.conn.send_text
            send(b"".join(parts))
            self.transport.writelines(self.conn.data_to_send())
        else:
            self.transport.writelines((_head(opcode, sum(map(len, parts))), *parts))

    def keepalive_timeout(self) -> None:
        """The peer is dead, or reads nothing: do not wait until it has read our last words."""
        super().keepalive_timeout()
        self._end_for_sure()

    def shutdown(self) -> None:
        """Say goodbye at the end of the server."""
        super().shutdown()
        self._end_for_sure()

    def _end_for_sure(self) -> None:
        self.loop.call_later(_FAREWELL_S, self.transport.abort)


def _head(opcode: Opcode, length: int) -> bytes:
    """Return what stands before the payload of a whole message. Source: RFC 6455, 5.2."""
    first = 0x80 | opcode
    if length < 126:
        return struct.pack("!BB", first, length)
    if length < 1 << 16:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)


def websocket_protocol(*, max_fragments: int) -> type[asyncio.Protocol]:
    """Return the class that uvicorn makes for each WebSocket."""
    return cast(
        "type[asyncio.Protocol]",
        type("BoundWebSocket", (BoundedWebSocket,), {"max_fragments": max_fragments}),
    )
