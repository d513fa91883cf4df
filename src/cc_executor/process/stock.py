"""The engine's end of the spawner: supervisors in stock, one ahead of need at least."""

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
from cc_executor.process.wire import Message, Wire, converse

_logger = logging.getLogger(__name__)

_BOOT: Final = Path(__file__).with_name("boot.py")
#: Supervisors kept in waiting after a burst, about 3 MiB each.
_KEPT: Final = 4
_TAKE_S: Final = 30.0
_LEAVE_S: Final = 2.0
_BURY_S: Final = 10.0
_TRIES: Final = 8
_READ_BYTES: Final = 1 << 14
_MAX_FDS: Final = 64
_REMEMBERED_BURIALS: Final = 1024
#: What a Python may need to start at all. Nothing of it reaches an agent.
_KEPT_VARIABLES: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", crash_points.VARIABLE)


#: Spawners that were left alone, to be reaped when they have ended.
_left: Final[list[subprocess.Popen[bytes]]] = []


class Stock:
    """Supervisors in waiting: fresh ones from a spawner, and those that an attempt has given back.

    Belongs to one event loop. The spawner is started when it is first needed; one that has died
    is replaced.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._spawner: socket.socket | None = None
        self._asked_for = 0
        self._out = 0
        self._warm: deque[Wire] = deque()
        self._returning: set[Wire] = set()
        self._fresh: deque[_Fresh] = deque()
        self._waiting: deque[asyncio.Future[Wire | _Fresh]] = deque()
        self._buried: deque[int] = deque(maxlen=_REMEMBERED_BURIALS)
        self._mourners: dict[int, asyncio.Future[None]] = {}
        self._unread = b""
        self._fds: deque[int] = deque()

    async def take(self) -> Wire:
        """Return the wire to a supervisor in waiting.

        Raises:
            SpawnFailed: None was to be had within 30 s.
        """
        for _ in range(_TRIES):
            found = self._at_hand() or await self._next()
            if isinstance(found, _Fresh):
                if not _is_connected(found.stream):
                    found.stream.close()
                    continue
                found = await converse(found.stream, _Returning(self), found.supervisor)
            if found is not None and found.is_open:
                self._out += 1
                return found
        raise SpawnFailed("the spawner or its supervisors die as soon as they start")

    def give_back(self, wire: Wire) -> None:
        """Take back the supervisor of an attempt that has ended, as soon as it is ready."""
        self.write_off()
        wire.listener = _Returning(self)
        self._returning.add(wire)

    def write_off(self) -> None:
        """Count one supervisor less that is busy: it has no attempt, or is dead."""
        self._out -= 1

    def returned(self, wire: Wire) -> None:
        """Stock a supervisor that is ready again; one too many may go."""
        self._returning.discard(wire)
        if not self._serve_waiting(wire):
            if len(self._warm) + len(self._fresh) < _KEPT and self._spawner is not None:
                self._warm.append(wire)
            else:
                wire.close()

    async def warm(self) -> None:
        """Have a supervisor in waiting soon; returns at once, and never fails."""
        if self._spawner is None:
            with contextlib.suppress(SpawnFailed):  # the first `take` will say it
                await self._start_spawner()
        self.replenish()

    def forget(self, wire: Wire) -> None:
        """Do not wait any more for a supervisor that has hung up."""
        self._returning.discard(wire)

    def replenish(self) -> None:
        """Have one in stock. Apart from `take`: the start of a child comes first."""
        if not self._warm and not self._fresh:
            on_their_way = self._asked_for - len(self._waiting)
            self._ask(1 - on_their_way)

    async def buried(self, supervisor: int) -> None:
        """Return when the spawner has killed what this dead supervisor left behind.

        Also when there is no spawner that could, and after 10 s.
        """
        if self._spawner is None or supervisor in self._buried:
            return
        mourner = asyncio.get_running_loop().create_future()
        self._mourners[supervisor] = mourner
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BURY_S):
                await mourner
        self._mourners.pop(supervisor, None)

    async def aclose(self) -> None:
        """Let the spawner and the supervisors in waiting go. Those with an attempt live on."""
        wires = (*self._warm, *self._returning)
        self._part("the engine closes")
        for wire in wires:
            await wire.aclose()
        await self._see_off_spawner()

    def _at_hand(self) -> Wire | _Fresh | None:
        while self._warm:
            wire = self._warm.pop()  # the one whose memory is warmest
            if wire.is_open:
                return wire
        return self._fresh.popleft() if self._fresh else None

    async def _next(self) -> Wire | _Fresh | None:
        """Return the next supervisor, None when the spawner died over it."""
        if self._spawner is None:
            await self._start_spawner()
        waiter: asyncio.Future[Wire | _Fresh] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._ask(len(self._waiting) - self._asked_for)
        try:
            # Not `wait_for`: Python 3.11's forgets that it was cancelled when the supervisor comes at
            # the same moment, and an engine that is closing would wait for the attempt for ever.
            async with asyncio.timeout(_TAKE_S):
                return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._keep(waiter.result())  # it came, and nobody takes it
            raise
        except TimeoutError:
            raise SpawnFailed(f"no supervisor within {_TAKE_S:g} s") from None
        except _SpawnerDied:
            return None
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiter)

    async def _start_spawner(self) -> None:
        await self._see_off_spawner()
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

    async def _see_off_spawner(self) -> None:
        """Wait until the spawner has ended, unless it stays for attempts that go on."""
        process, self._process = self._process, None
        if process is not None:
            _left.append(process)
            if not self._out:
                await asyncio.to_thread(_wait, process)
        _reap_left()

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
            fresh = _Fresh(socket.socket(fileno=self._fds.popleft()), message["supervisor"])
            self._keep(fresh)
        elif "failed" in message:
            self._asked_for -= 1
            self._disappoint(SpawnFailed(message["failed"]))
        elif "buried" in message:
            self._buried.append(message["buried"])
            mourner = self._mourners.get(message["buried"])
            if mourner is not None and not mourner.done():
                mourner.set_result(None)
        else:
            _logger.error("spawner.died", extra=message)

    def _keep(self, found: Wire | _Fresh) -> None:
        if isinstance(found, Wire):
            self.returned(found)
        elif not self._serve_waiting(found):
            self._fresh.append(found)

    def _serve_waiting(self, found: Wire | _Fresh) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(found)
                return True
        return False

    def _disappoint(self, error: SpawnFailed) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error)
                return

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
        for fresh in self._fresh:
            fresh.stream.close()
        for wire in self._warm:
            wire.close()
        self._fresh.clear()
        self._warm.clear()
        for waiter in tuple(self._waiting):
            if not waiter.done():
                waiter.set_exception(_SpawnerDied(why))
        for mourner in tuple(self._mourners.values()):
            if not mourner.done():
                mourner.set_result(None)


class _SpawnerDied(Exception):
    """The spawner is gone while somebody waited for a supervisor."""


class _Fresh(NamedTuple):
    """The engine's end of the lifeline of a supervisor that was just forked."""

    stream: socket.socket
    supervisor: int


class _Returning:
    """Listens to a supervisor between two attempts."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    def heed(self, wire: Wire, news: Message) -> None:
        """Stock it when it is ready."""
        if "ready" in news:
            self._stock.returned(wire)

    def has_room(self) -> None:
        """Nothing is to be sent."""

    def lost(self, wire: Wire) -> None:
        """Forget it: nobody uses it."""
        self._stock.forget(wire)


def _is_connected(stream: socket.socket) -> bool:
    try:
        return stream.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _wait(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_LEAVE_S)


def _reap_left() -> None:
    _left[:] = [process for process in _left if process.poll() is None]
