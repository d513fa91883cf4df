"""Nudges over Unix datagram sockets: one socket file per living engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path


class SocketNudges:
    """Implements `ports.nudges.Nudges`.

    Args:
        folder: Where the engines' sockets are; made when it is missing. Its path may be longer
            than the 108 bytes of a socket address: sockets are reached through a descriptor.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket: socket.socket | None = None
        self._name: str | None = None

    def listen(self, engine_id: str, wake: Callable[[], None]) -> None:
        """Call `wake` on the running event loop whenever somebody nudges `engine_id`."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        with _directory(self._folder) as address:
            self._socket.bind(f"{address}/{engine_id}")
        self._name = engine_id
        asyncio.get_running_loop().add_reader(self._socket, self._received, wake)

    def nudge(self, engine_id: str) -> None:
        """Wake the engine if it lives; never blocks, never fails."""
        with (
            contextlib.suppress(OSError),  # dead, or so many nudges wait that one more is useless
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
            _directory(self._folder) as address,
        ):
            sender.setblocking(False)
            sender.sendto(b"!", f"{address}/{engine_id}")

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._socket is None or self._name is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        (self._folder / self._name).unlink(missing_ok=True)

    def _received(self, wake: Callable[[], None]) -> None:
        assert self._socket is not None
        with contextlib.suppress(BlockingIOError):
            while True:  # bounded by the socket's own queue
                self._socket.recv(1)
        wake()


@contextlib.contextmanager
def _directory(folder: Path) -> Iterator[str]:
    """Yield a short path of the folder: an address may hold 108 bytes only."""
    if not os.path.isdir("/proc/self/fd"):  # not Linux: the path itself must be short enough
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
