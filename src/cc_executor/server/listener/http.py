"""HTTP/1.1 as uvicorn speaks it, with bounds on the head of a request and on peers that stand still."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cc_executor.server.listener.connections import Census, Connection
from cc_executor.server.security.head import CONNECTION

_MAX_HEAD_BYTES: Final = 64 * 1024
_FAREWELL_S: Final = 1.0
_HEAD_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _HeadTooLarge(Exception):
    """Ends the parsing of a request; the parser reports it as an error of its own."""


class BoundedHttp(HttpToolsProtocol):
    """One HTTP connection; `http_protocol` binds the bounds to a class that uvicorn can make."""

    census: Census
    handshake_timeout_s: float
    stalled_timeout_s: float

    connection: Connection | None = None
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _is_too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Count the connection; its head has to come in time."""
        self.connection = self.census.arrived(transport)
        super().connection_made(transport)
        if self.connection is not None:
            self.app_state = {**self.app_state, CONNECTION: self.connection}
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no longer."""
        self._stop_timers()
        if self.connection is not None:
            self.connection.left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that is too long is refused before it is kept."""
        if self.transport.is_closing():
            return
        if self._in_head:
            if self._deadline is None:  # the next request of a connection that was kept
                self._expect_head()
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > _MAX_HEAD_BYTES:  # and there is no end of it yet
            self._stop_waiting()
            self._refuse(_HEAD_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or has too long a head."""
        self._stop_waiting()
        if self._is_too_large:
            self._refuse(_HEAD_TOO_LARGE)
        else:
            super().send_400_response(msg)
            self._abort_soon()

    def on_headers_complete(self) -> None:
        """Stop waiting for the head."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > _MAX_HEAD_BYTES:  # it came with one reading, however long
            self._is_too_large = True
            raise _HeadTooLarge
        self._in_head = False
        self._head_bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Begin to look for the next head; its time counts from its first byte."""
        self._in_head = True
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait a while for the rest of a request that has been answered already, then close."""
        super().on_response_complete()
        if not self._in_head and not self.transport.is_closing():
            self._stop_waiting()
            self._deadline = self.loop.call_later(self.handshake_timeout_s, self.transport.close)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket; it stays counted."""
        self._stop_timers()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """The peer does not read: give it a while, then the connection goes."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.stalled_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(self.handshake_timeout_s, self._refuse, _TOO_SLOW)

    def _refuse(self, answer: bytes) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
            self._abort_soon()

    def _abort_soon(self) -> None:
        """A peer that does not read the answer must not keep the socket."""
        self.loop.call_later(_FAREWELL_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_timers(self) -> None:
        self._stop_waiting()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def http_protocol(
    census: Census, *, handshake_timeout_s: float, stalled_timeout_s: float
) -> type[asyncio.Protocol]:
    """Return the class that uvicorn makes for each connection.

    Args:
        census: Counts them.
        handshake_timeout_s: How long a request's head may take to arrive.
        stalled_timeout_s: How long a peer may leave what is sent unread.
    """
    bounds: dict[str, Any] = {
        "census": census,
        "handshake_timeout_s": handshake_timeout_s,
        "stalled_timeout_s": stalled_timeout_s,
    }
    return cast("type[asyncio.Protocol]", type("BoundHttp", (BoundedHttp,), bounds))
