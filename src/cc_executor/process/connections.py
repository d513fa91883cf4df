"""The supervisor's end of its conversations: JSON lines over Unix sockets.

Each line in is a command `{"id": N, "do": NAME, ...}` and is answered by `{"id": N}`, with `error`
when it was refused. Lines out without an id are news: `{"started": PID}`, `{"head": N}`,
`{"ended": {...}}`. News about the head is not queued: whoever reads slowly is told the newest
number when there is room again. Nothing here waits for anybody.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

MAX_CONNECTIONS: Final = 32
MAX_LINE_BYTES: Final = 1 << 18
_MAX_UNSENT_BYTES: Final = 1 << 18
_READ_BYTES: Final = 1 << 16

Command = Mapping[str, Any]
Handler = Callable[["Connection", Command], None]


class Refused(Exception):
    """A command is not possible now; the text goes to whoever gave it."""


class Connection:
    """One peer: an engine that attends to the attempt, or somebody who watches it."""

    def __init__(self, stream: socket.socket, hub: Connections) -> None:
        stream.setblocking(False)
        self.stream = stream
        self._hub = hub
        self._received = bytearray()
        self._unsent = bytearray()
        self._told_head = 0
        self._head = 0
        self._watch: int | None = None
        hub.selector.register(stream, selectors.EVENT_READ, self._ready)

    @property
    def is_engine(self) -> bool:
        """Whether this peer counts as attending."""
        return self in self._hub.engines

    def become_engine(self, pid: int) -> None:
        """Count as attending for as long as this peer, and process `pid`, live.

        The process is watched, too: a program that the engine's program forked may hold the
        socket open for long after the engine's end.
        """
        if self._watch is None and sys.platform == "linux":
            try:
                self._watch = os.pidfd_open(pid)
            except OSError:
                self.close()  # it is dead already
                return
            self._hub.selector.register(
                self._watch, selectors.EVENT_READ, lambda _mask: self.close()
            )
        self._hub.attended_by(self)

    def answer(self, command: Command, *, error: str | None = None, **facts: object) -> None:
        """Answer a command."""
        reply = {"id": command.get("id"), **facts}
        self.send(reply if error is None else {**reply, "error": error})

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one line; a peer that reads so slowly that answers pile up is left."""
        self._unsent += json.dumps(message).encode() + b"\n"
        self._flush()

    def tell_head(self, head: int) -> None:
        """Tell how many bytes there are, now or as soon as there is room."""
        self._head = head
        if not self._unsent:
            self._told_head = head
            self._unsent += b'{"head": %d}\n' % head
            self._flush()

    def feed(self, data: bytes) -> None:
        """Carry out the commands that these bytes complete."""
        self._received += data
        *lines, self._received = self._received.split(b"\n")
        if len(self._received) > MAX_LINE_BYTES:
            self.close()
        for line in lines:
            if self.stream.fileno() == -1:
                return
            self._hub.obey(self, bytes(line))

    def close(self) -> None:
        """Leave this peer. Doing it again changes nothing."""
        if self.stream.fileno() == -1:
            return
        self._hub.selector.unregister(self.stream)
        self.stream.close()
        self._stop_watching()
        self._hub.left(self)

    def drain(self, within_s: float) -> None:
        """Send what is unsent, waiting for the peer for no longer than the bound."""
        if self._unsent and self.stream.fileno() != -1:
            with contextlib.suppress(OSError):
                self.stream.settimeout(within_s)
                self.stream.sendall(self._unsent)
                self._unsent.clear()
            self.stream.setblocking(False)

    def detach(self) -> bytes | None:
        """Leave the peer, but not the socket; return what came behind the last whole line.

        None when the peer has hung up.
        """
        if self.stream.fileno() == -1:
            return None
        self._hub.selector.unregister(self.stream)
        self._stop_watching()
        self._hub.left(self)
        return bytes(self._received)

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._hub.selector.unregister(self._watch)
            os.close(self._watch)
            self._watch = None

    def _ready(self, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush()
        if mask & selectors.EVENT_READ and self.stream.fileno() != -1:
            self._receive()

    def _receive(self) -> None:
        try:
            data = self.stream.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.feed(data)
        else:
            self.close()

    def _flush(self) -> None:
        if self.stream.fileno() == -1:
            return
        try:
            while self._unsent:
                del self._unsent[: self.stream.send(self._unsent)]
                if not self._unsent and self._head != self._told_head:
                    self._told_head = self._head
                    self._unsent += b'{"head": %d}\n' % self._head
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if len(self._unsent) > _MAX_UNSENT_BYTES:
            self.close()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        if self._hub.selector.get_key(self.stream).events != wanted:
            self._hub.selector.modify(self.stream, wanted, self._ready)


class Connections:
    """All peers of one supervisor.

    Args:
        selector: Its event loop; what is registered carries a callback that takes the event mask.
        commands: What may be asked for, by name.
        on_attendance: Called when an engine came or went.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        commands: Mapping[str, Handler],
        on_attendance: Callable[[], None],
    ) -> None:
        self.selector = selector
        self.engines: set[Connection] = set()
        self._commands = commands
        self._on_attendance = on_attendance
        self._all: set[Connection] = set()
        self._listener: socket.socket | None = None

    def listen(self, listener: socket.socket) -> None:
        """Accept peers, a bounded number at a time."""
        listener.setblocking(False)
        self._listener = listener
        self.selector.register(listener, selectors.EVENT_READ, self._accept)

    def add(self, stream: socket.socket) -> Connection:
        """Converse over a connected socket."""
        connection = Connection(stream, self)
        self._all.add(connection)
        return connection

    def attended_by(self, connection: Connection) -> None:
        """Count a peer as attending."""
        self.engines.add(connection)
        self._on_attendance()

    def left(self, connection: Connection) -> None:
        """Forget a peer."""
        self._all.discard(connection)
        if connection in self.engines:
            self.engines.discard(connection)
            self._on_attendance()

    def tell_head(self, head: int) -> None:
        """Tell everybody how many bytes there are."""
        for connection in tuple(self._all):
            connection.tell_head(head)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send everybody a line."""
        for connection in tuple(self._all):
            connection.send(message)

    def farewell(self, within_s: float, *, staying: Connection | None) -> bytes | None:
        """Send what is unsent and leave everybody; the socket of `staying` is left open.

        Returns:
            What that peer sent behind its last whole line; None when it has hung up.
        """
        self._on_attendance = lambda: None
        unread = None
        for connection in tuple(self._all):
            connection.drain(within_s)
            if connection is staying:
                unread = connection.detach()
            else:
                connection.close()
        if self._listener is not None:
            self.selector.unregister(self._listener)
            self._listener.close()
        return unread

    def obey(self, connection: Connection, line: bytes) -> None:
        """Carry out one line from a peer."""
        try:
            command = json.loads(line)
            handler = self._commands[command["do"]]
        except (ValueError, KeyError, TypeError):
            connection.send({"id": None, "error": "not a command"})
            return
        try:
            handler(connection, command)
        except Refused as refusal:
            connection.answer(command, error=str(refusal))
        except (KeyError, TypeError, ValueError) as error:
            connection.answer(command, error=f"not understood: {error!r}")

    def _accept(self, _mask: int) -> None:
        if self._listener is None:
            return
        try:
            stream, _ = self._listener.accept()
        except OSError:
            return
        if len(self._all) >= MAX_CONNECTIONS:
            stream.close()
            return
        self.add(stream)
