"""The way out of a connection: one message after the other, each sent whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from cc_executor.protocol import jsonrpc
from cc_executor.server.listener.websocket import SEND_PARTS
from cc_executor.server.vitals import Vitals


class Outlet:
    """Sends messages in turn. Nothing is queued: whoever has something to say waits here.

    A peer that reads slowly so costs one message for each of its streams and requests, however
    much there is to be said.

    Args:
        send: The ASGI channel.
        vitals: Told what was sent.
    """

    def __init__(self, send: Callable[[dict[str, Any]], Awaitable[None]], vitals: Vitals) -> None:
        self._send = send
        self._vitals = vitals
        self._turn = asyncio.Lock()
        self.sent = 0

    async def message(self, *parts: bytes, binary: bool = False) -> None:
        """Send one message, when the peer takes it.

        Args:
            *parts: What stands in it, one after the other: JSON as UTF-8 where it is not `binary`.
            binary: Whether it is a binary message.
        """
        async with self._turn:
            await self._send({"type": SEND_PARTS, "parts": parts, "binary": binary})
        self.sent += 1
        self._vitals.sent_bytes += sum(map(len, parts))

    async def notify(self, method: str, params: msgspec.Struct) -> None:
        """Send one notification."""
        await self.message(jsonrpc.notification(method, params))
