"""One WebSocket to a server, from its handshake to its end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

import cc_executor
from cc_executor.client.remote.refusals import lost, not_connected
from cc_executor.client.remote.target import Target
from cc_executor.errors import (
    IncompatibleServer,
    InvalidSetting,
    MalformedMessage,
)
from cc_executor.protocol.faults import error_from
from cc_executor.protocol.notifications import Connected
from cc_executor.protocol.reading import Answered, Told, incoming

_SUBPROTOCOL: Final = Subprotocol("jsonrpc")
#: What a server must be able to do for us.
_NEEDED: Final = frozenset({"agent_events", "cursors", "idempotency"})
#: Frames that wait here for a slow reader; behind them the server waits.
_MAX_QUEUE: Final = 16
#: Why the library logs stands in our errors already.
_SILENT: Final = logging.getLogger(f"{__name__}.websockets")
_SILENT.setLevel(logging.CRITICAL)


class _Connect(connect):
    """Follows no redirect: whoever it leads to would be shown the token."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Line:
    """A connection that the server has welcomed.

    Args:
        socket: The WebSocket.
        target: Where it leads.

    Attributes:
        capabilities: What the server says that it can do.
    """

    def __init__(self, socket: ClientConnection, target: Target) -> None:
        self._socket = socket
        self._target = target
        self.capabilities: frozenset[str] = frozenset()

    @classmethod
    async def open(cls, target: Target) -> Line:
        """Connect once, and return when the server has said its first word.

        Raises:
            ServerUnavailable: It cannot be reached, or not in time.
            ServerNotTrusted, IncompatibleServer: It is not what it should be.
            CCExecutorError: It refused us.
        """
        token = await target.token()
        try:
            async with asyncio.timeout(target.bounds.connect_s):
                socket = await _connecting(target, token)
                try:
                    line = cls(socket, target)
                    hello = await line._first_word()
                    _check(hello, target)
                    line.capabilities = frozenset(hello.capabilities)
                except BaseException:
                    socket.transport.abort()
                    raise
        except InvalidURI as error:
            raise InvalidSetting("server", f"is not a URL: {error}", origin="url") from error
        except (OSError, EOFError, InvalidHandshake) as error:
            raise not_connected(error, target) from error
        return line

    async def say(self, message: bytes) -> None:
        """Send one message.

        Raises:
            ConnectionLost: It may or may not have arrived.
        """
        try:
            await self._socket.send(message, text=True)
        except ConnectionClosed as error:
            raise lost(error, self._target) from error

    async def heard(self) -> list[Answered | Told]:
        """Return what the server says next.

        Raises:
            ConnectionLost: Nothing more will come.
            LimitReached: A message is larger than we take.
            MalformedMessage: It is not what a server says.
        """
        try:
            return incoming(await self._socket.recv(decode=False))
        except ConnectionClosed as error:
            raise lost(error, self._target) from error

    async def aclose(self) -> None:
        """Say goodbye, and do not wait long for an answer."""
        await self._socket.close()

    async def _first_word(self) -> Connected:
        said = await self.heard()
        first = said[0] if said else None
        if isinstance(first, Answered) and first.fault is not None:
            raise error_from(first.fault)
        if not isinstance(first, Told) or first.method != "connected":
            raise IncompatibleServer(
                str(self._target.address), "does not greet as a server of ours"
            )
        try:
            return msgspec.json.decode(first.params, type=Connected)
        except msgspec.DecodeError as error:
            raise MalformedMessage(f"connected cannot be read: {error}") from None


async def _connecting(target: Target, token: str | None) -> ClientConnection:
    bounds, address = target.bounds, target.address
    more: dict[str, Any] = {}
    if address.socket is not None:
        more |= {"unix": True, "path": str(address.socket)}
    if address.is_local:
        more["proxy"] = None
    tls = await asyncio.to_thread(lambda: target.tls)  # reads the system's certificates
    if tls is not None:
        more["ssl"] = tls
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return await _Connect(
        address.url,
        subprotocols=[_SUBPROTOCOL],
        compression=None,
        additional_headers=headers,
        user_agent_header=f"cc-executor/{cc_executor.__version__}",
        open_timeout=None,  # the whole has a bound
        ping_interval=bounds.ping_s,
        ping_timeout=bounds.ping_s,
        close_timeout=bounds.close_s,
        max_size=bounds.max_message_bytes,
        max_queue=_MAX_QUEUE,
        logger=_SILENT,
        **more,
    )


def _check(hello: Connected, target: Target) -> None:
    """Do nothing for a server that we can talk to.

    Raises:
        IncompatibleServer: It is of another major version, or lacks what we need.
    """
    where = str(target.address)
    ours, theirs = cc_executor.__version__, hello.version
    if ours.partition(".")[0] != theirs.partition(".")[0]:
        raise IncompatibleServer(where, f"has version {theirs[:40]}, this is version {ours}")
    lacking = sorted(_NEEDED.difference(hello.capabilities))
    if lacking:
        raise IncompatibleServer(where, f"version {theirs[:40]} lacks {', '.join(lacking)}")
