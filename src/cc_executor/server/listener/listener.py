"""Sockets that speak HTTP and WebSocket to one application.

uvicorn brings the protocols. Its own `Server` is not used: it takes the process's signals, speaks
TLS on every socket or on none, and waits for connections that have no reason to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import logging
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import uvicorn
from uvicorn.server import ServerState

from cc_executor.server.listener.connections import Census
from cc_executor.server.listener.http import http_protocol
from cc_executor.server.listener.websocket import websocket_protocol

_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 30
_STALLED_S: Final = 45.0
_LOOK_S: Final = 0.02
#: How long the end of TLS may take before the socket is taken away.
_TLS_FAREWELL_S: Final = 5.0


class Door(NamedTuple):
    """A bound socket, and TLS if it speaks that."""

    socket: socket.socket
    tls: ssl.SSLContext | None = None


class Bounds(NamedTuple):
    """What a listener refuses to go beyond; the settings of the same names say what they mean."""

    ws_max_size: int
    ws_ping_interval: float
    ws_ping_timeout: float
    ws_deflate: bool
    max_fragments: int
    handshake_timeout_s: float


class Listener:
    """Accepts connections until it is closed.

    Args:
        app: The ASGI application.
        census: Counts the connections.
        bounds: What is refused.
    """

    def __init__(self, app: Any, census: Census, bounds: Bounds) -> None:  # noqa: ANN401 - an ASGI application
        self._config = uvicorn.Config(
            app,
            http=http_protocol(
                census,
                handshake_timeout_s=bounds.handshake_timeout_s,
                stalled_timeout_s=_STALLED_S,
            ),
            ws=websocket_protocol(max_fragments=bounds.max_fragments),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            ws_max_size=bounds.ws_max_size,
            ws_ping_interval=bounds.ws_ping_interval,
            ws_ping_timeout=bounds.ws_ping_timeout,
            ws_per_message_deflate=bounds.ws_deflate,
        )
        self._config.load()
        self._handshake_timeout_s = bounds.handshake_timeout_s
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []
        self._dating: asyncio.Task[None] | None = None
        # Its words are about connections that come and go; ours say what matters of them.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

    async def open(self, doors: Sequence[Door]) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        self._dating = asyncio.create_task(self._date(), name="date header")
        for door in doors:
            tls: dict[str, Any] = {}
            if door.tls is not None:
                tls = {
                    "ssl": door.tls,
                    "ssl_handshake_timeout": self._handshake_timeout_s,
                    "ssl_shutdown_timeout": _TLS_FAREWELL_S,
                }
            self._servers.append(
                await loop.create_server(self._protocol, sock=door.socket, backlog=_BACKLOG, **tls)
            )

    def stop_accepting(self) -> None:
        """Refuse new connections; those that are there go on."""
        for server in self._servers:
            server.close()

    async def aclose(self, *, within_s: float) -> None:
        """Say goodbye to everybody and end; what has not ended after `within_s` is cut off."""
        self.stop_accepting()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._are_there():  # noqa: ASYNC110 - uvicorn's sets do not ring
                    await asyncio.sleep(_LOOK_S)
        for task in tuple(self._state.tasks):
            task.cancel()
        for connection in tuple(self._state.connections):
            connection.transport.abort()
        if self._dating is not None:
            self._dating.cancel()

    def _are_there(self) -> bool:
        return bool(self._state.connections or self._state.tasks)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self._config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self._config, server_state=self._state, app_state={}
        )
        return protocol

    async def _date(self) -> None:
        while True:
            now = email.utils.formatdate(usegmt=True).encode()
            self._state.default_headers = [(b"date", now)]
            await asyncio.sleep(1.0)
