"""The engine's end of a conversation with a supervisor: commands out, answers and news in.

The lines are described in `connections.py`, which is the other end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, cast

from cc_executor.journal import layout

Message = Mapping[str, Any]

_FAREWELL_S: Final = 1.0


class WireLost(ConnectionError):
    """The supervisor hung up before it answered."""


class Listener(Protocol):
    """Whom a wire speaks to."""

    def heed(self, wire: Wire, news: Message) -> None:
        """React to a line that answers no command."""

    def has_room(self) -> None:
        """React to that more can be sent, after a while in which nothing could."""

    def lost(self, wire: Wire) -> None:
        """React to that the supervisor has hung up, or `close` was called."""


class Wire(asyncio.Protocol):
    """One connection to a supervisor, in use by one attempt after the other.

    Args:
        listener: Whom it speaks to; may be changed at any time.
        supervisor: Process id of the other end, 0 when it is not known.
    """

    def __init__(self, listener: Listener, supervisor: int = 0) -> None:
        self.listener = listener
        self.supervisor = supervisor
        self.has_room = True
        self._transport: asyncio.WriteTransport | None = None
        self._gone = asyncio.Event()
        self._unread = b""
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0

    @property
    def is_open(self) -> bool:
        """Whether the supervisor is still there, as far as is known."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, line: bytes) -> None:
        """Send a line as it is."""
        if self._transport is not None:
            self._transport.write(line)

    def tell(self, command: Message) -> None:
        """Give a command that needs no answer."""
        self.send(json.dumps(command).encode() + b"\n")

    async def ask(self, command: Message) -> Message:
        """Give a command and return the answer.

        Raises:
            WireLost: None will come.
        """
        if self._transport is None:
            raise WireLost
        self._last_id += 1
        number = self._last_id
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self.tell({"id": number, **command})
            return await answer
        finally:
            del self._answers[number]

    def expect_no_answers(self) -> None:
        """Let whoever waits for an answer know that none will come."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(WireLost())

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    async def aclose(self) -> None:
        """Hang up, and return when that is done: what a stuck peer does not take is dropped."""
        self.close()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._gone.wait()
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()

    # --- asyncio.Protocol -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Take the lines that these bytes complete."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            answer = self._answers.get(message["id"]) if "id" in message else None
            if answer is None:
                self.listener.heed(self, message)
            elif not answer.done():
                answer.set_result(message)

    def pause_writing(self) -> None:
        """Note that the supervisor does not read."""
        self.has_room = False

    def resume_writing(self) -> None:
        """Note that it reads again."""
        self.has_room = True
        self.listener.has_room()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # why is not told
        """Tell whoever waits."""
        self._transport = None
        self._gone.set()
        self.expect_no_answers()
        self.listener.lost(self)


async def call(folder: Path, listener: Listener) -> Wire:
    """Connect to the control socket of a supervisor.

    Raises:
        OSError: Nobody listens there.
    """
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        with _short_path(folder) as short:
            await loop.sock_connect(stream, f"{short}/{layout.CONTROL}")
    except BaseException:
        stream.close()
        raise
    return await converse(stream, listener)


async def converse(stream: socket.socket, listener: Listener, supervisor: int = 0) -> Wire:
    """Converse over a connected socket."""
    stream.setblocking(False)
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_unix_connection(lambda: Wire(listener, supervisor), sock=stream)
    return wire


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[str]:
    """Yield a short path of the folder: a socket's address may hold 108 bytes only."""
    if not os.path.isdir("/proc/self/fd"):  # not Linux: the path itself must be short enough
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
