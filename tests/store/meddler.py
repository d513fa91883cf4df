"""Somebody between a client and a Redis, who delays, cuts and invents."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Self


class Meddler:
    """Listens on a port of loopback and passes everything on, unless told otherwise.

    Attributes:
        passing: Answers of Redis come through while it is set; else they wait.
        instead: What whoever connects gets at once, in place of Redis; None: Redis.
        connected: How many have connected.
    """

    def __init__(self, redis: Path) -> None:
        self.passing = asyncio.Event()
        self.passing.set()
        self.instead: bytes | None = None
        self.connected = 0
        self._redis = redis
        self._talks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.cut()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def cut(self) -> None:
        """End all connections, without a word; what is held back never comes."""
        talks = set(self._talks)
        for talk in talks:
            talk.cancel()
        if talks:
            await asyncio.wait(talks)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        with suppress(ConnectionError, asyncio.CancelledError):
            if self.instead is not None:
                writer.write(self.instead)
                await reader.read()
            else:
                await self._pass_on(reader, writer)
        writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_unix_connection(self._redis)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, to_redis, None))
                group.create_task(_pump(from_redis, writer, self.passing))
        except* ConnectionError:
            pass
        finally:
            to_redis.transport.abort()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None
) -> None:
    while data := await reader.read(65_536):
        if gate is not None:
            await gate.wait()
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError
