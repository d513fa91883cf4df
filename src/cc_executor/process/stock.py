"""The engine's end of the spawner: supervisors in stock, one ahead of need."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any, Final, NamedTuple

from cc_executor.errors import SpawnFailed
from cc_executor.journal import crash_points

_logger = logging.getLogger(__name__)

_BOOT: Final = Path(__file__).with_name("boot.py")
_AHEAD: Final = 1
_TAKE_S: Final = 30.0
_LEAVE_S: Final = 2.0
_BURY_S: Final = 10.0
_TRIES: Final = 3
_READ_BYTES: Final = 1 << 14
_MAX_FDS: Final = 64
_REMEMBERED_BURIALS: Final = 1024
#: What a Python may need to start at all. Nothing of it reaches an agent.
_KEPT_VARIABLES: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", crash_points.VARIABLE)


class Lifeline(NamedTuple):
    """The engine's end of a connection to a supervisor in waiting, and its process id."""

    stream: socket.socket
    supervisor: int


class Stock:
    """Supervisors in waiting, forked by a spawner that is started when it is first needed.

    Belongs to one event loop. A spawner that has died is replaced.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._spawner: socket.socket | None = None
        self._asked_for = 0
        self._ready: deque[Lifeline] = deque()
        self._waiting: deque[asyncio.Future[Lifeline]] = deque()
        self._buried: deque[int] = deque(maxlen=_REMEMBERED_BURIALS)
        self._mourners: dict[int, asyncio.Future[None]] = {}
        self._unread = b""
        self._fds: deque[int] = deque()

    async def take(self) -> Lifeline:
        """Return a supervisor in waiting.

        Raises:
            SpawnFailed: None was to be had within 30 s.
        """
        for _ in range(_TRIES):
            lifeline = self._ready.popleft() if self._ready else await self._next()
            if lifeline is not None:
                if _is_connected(lifeline.stream):
                    return lifeline
                lifeline.stream.close()
        raise SpawnFailed("the spawner or its supervisors die as soon as they start")

    def replenish(self) -> None:
        """Have what was taken replaced. Apart from `take`: the start of a child comes first."""
        if self._spawner is not None:
            on_their_way = self._asked_for - len(self._waiting)
            self._ask(_AHEAD - len(self._ready) - on_their_way)

    async def buried(self, supervisor: int) -> None:
        """Return when the spawner has killed what this dead supervisor left behind.

        Also when there is no spawner that could, and after 10 s.
        """
        if self._spawner is None or supervisor in self._buried:
            return
        mourner = asyncio.get_running_loop().create_future()
        self._mourners[supervisor] = mourner
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(mourner, _BURY_S)
        self._mourners.pop(supervisor, None)

    async def aclose(self) -> None:
        """Let the spawner and the supervisors in waiting go. Those with an attempt live on."""
        process, self._process = self._process, None
        self._part("the engine closes")
        if process is not None:
            await asyncio.to_thread(_see_off, process)

    async def _next(self) -> Lifeline | None:
        """Return the next supervisor, None when the spawner died over it."""
        if self._spawner is None:
            await self._start_spawner()
        waiter: asyncio.Future[Lifeline] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._ask(len(self._waiting) - self._asked_for)
        try:
            return await asyncio.wait_for(waiter, _TAKE_S)
        except TimeoutError:
            raise SpawnFailed(f"no supervisor within {_TAKE_S:g} s") from None
        except _SpawnerDied:
            return None
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiter)

    async def _start_spawner(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            await asyncio.to_thread(_see_off, process)
        if self._spawner is not None:
            return  # somebody else was faster
        ours, theirs = socket.socketpair()
        command = (sys.executable, "-I", "-S", str(_BOOT), str(theirs.fileno()), str(os.getpid()))
        try:
            self._process = subprocess.Popen(  # noqa: ASYNC220  # vfork: about a millisecond, once
                command,
                env={name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise SpawnFailed(f"the spawner: {error}") from error
        finally:
            theirs.close()
        ours.setblocking(False)
        self._spawner = ours
        asyncio.get_running_loop().add_reader(ours, self._readable)

    def _ask(self, count: int) -> None:
        if count > 0 and self._spawner is not None:
            self._asked_for += count
            with contextlib.suppress(OSError):  # its end is noticed by `_readable`
                self._spawner.send(b"+" * count)

    def _readable(self) -> None:
        spawner = self._spawner
        if spawner is None:
            return
        try:
            data, fds, _, _ = socket.recv_fds(spawner, _READ_BYTES, _MAX_FDS)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        self._fds.extend(fds)
        if not data:
            self._part("the spawner died")
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._heed(json.loads(line))

    def _heed(self, message: dict[str, Any]) -> None:
        if "supervisor" in message:
            self._asked_for -= 1
            self._stock(Lifeline(socket.socket(fileno=self._fds.popleft()), message["supervisor"]))
        elif "buried" in message:
            self._buried.append(message["buried"])
            mourner = self._mourners.get(message["buried"])
            if mourner is not None and not mourner.done():
                mourner.set_result(None)
        else:
            _logger.error("spawner.died", extra=message)

    def _stock(self, lifeline: Lifeline) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(lifeline)
                return
        self._ready.append(lifeline)

    def _part(self, why: str) -> None:
        """Forget the spawner and what it has forked."""
        if self._spawner is None:
            return
        asyncio.get_running_loop().remove_reader(self._spawner)
        self._spawner.close()
        self._spawner = None
        self._asked_for = 0
        self._unread = b""
        while self._fds:
            os.close(self._fds.popleft())
        while self._ready:
            self._ready.popleft().stream.close()
        for waiter in tuple(self._waiting):
            if not waiter.done():
                waiter.set_exception(_SpawnerDied(why))
        for mourner in tuple(self._mourners.values()):
            if not mourner.done():
                mourner.set_result(None)


class _SpawnerDied(Exception):
    """The spawner is gone while somebody waited for a supervisor."""


def _is_connected(stream: socket.socket) -> bool:
    try:
        return stream.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _see_off(process: subprocess.Popen[bytes]) -> None:
    """Wait for a spawner to end, which it does when it is alone; make it, if it does not."""
    try:
        process.wait(_LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
