"""A proxy on loopback that cuts its connections at random bytes, as bad lines do."""

from __future__ import annotations

import asyncio
import contextlib
import random
from types import TracebackType
from typing import Final, Self

_PIECE: Final = 16 * 1024


class Cutter:
    """Passes bytes on, and breaks each connection off after some of them.

    Use it as an async context manager.

    Args:
        port: Where the server listens.
        chance: Decides how many bytes of the server each connection lives for.
        most_bytes: At most this many.

    Attributes:
        cuts: How many connections were broken off.
        is_cutting: False: new ones are left alone.
        is_mute: True: a connection is broken off as soon as the server says anything on it.
    """

    def __init__(self, port: int, chance: random.Random, *, most_bytes: int) -> None:
        self._port = port
        self._chance = chance
        self._most_bytes = most_bytes
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._cut = asyncio.Event()
        self.cuts = 0
        self.is_cutting = False
        self.is_mute = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def cut(self) -> None:
        """Return when the next connection has been broken off."""
        self._cut.clear()
        await self._cut.wait()

    async def _accepted(self, down: asyncio.StreamReader, up: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            await self._pass(down, up)
        except asyncio.CancelledError:  # the test is over
            up.transport.abort()
        finally:
            self._passing.discard(task)

    async def _pass(self, down: asyncio.StreamReader, up: asyncio.StreamWriter) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            up.transport.abort()
            return
        limit = self._chance.randint(0, self._most_bytes) if self.is_cutting else None
        requests = asyncio.create_task(_copy(down, writer))
        answers = asyncio.create_task(self._copy_some(reader, up, limit))
        try:
            await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
            if answers.done() and answers.result():
                self.cuts += 1
                self._cut.set()
        finally:
            for one in (requests, answers):
                one.cancel()
            await asyncio.gather(requests, answers, return_exceptions=True)
            for end in (up, writer):
                end.transport.abort()

    async def _copy_some(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None
    ) -> bool:
        """Copy until the end, or for so many bytes; return whether it was broken off."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                if self.is_mute:
                    return True
                if most is not None and len(piece) >= most:
                    writer.write(piece[:most])
                    await writer.drain()
                    return True
                writer.write(piece)
                await writer.drain()
                if most is not None:
                    most -= len(piece)
        return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
