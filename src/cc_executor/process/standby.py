"""A supervisor in waiting: everything that can be done before its order comes, is done.

It holds one end of its lifeline, a socket whose other end the spawner hands to the engine. When an
order comes it makes itself ready and waits for the word to start: the engine gives it when its
intent is on the disk. Then it claims the attempt and supervises it, and waits for the next; when the
engine hangs up, it ends. A process that is used again has its memory warm, which a fresh fork has
not: that is most of the cost of starting something small.

Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Final

from cc_executor.journal.crash_points import reach
from cc_executor.journal.records import MAX_CHUNK_BYTES
from cc_executor.process import cgroup
from cc_executor.process.cgroup import KINDS, PREFIX, Group, Place
from cc_executor.process.child import Pipes
from cc_executor.process.claim import AlreadyClaimed, Claim, claim
from cc_executor.process.containment import Containment
from cc_executor.process.marks import NAME, new_brand
from cc_executor.process.order import Order
from cc_executor.process.reaper import Reaper
from cc_executor.process.supervisor import Supervisor, Tools

MAX_ORDER_BYTES: Final = 16 << 20
#: What the engine says when an order may be carried out.
GO: Final = "go"
_READ_BYTES: Final = 1 << 18
_SIGNALS_BYTES: Final = 4096
#: Whatever a process gathers over time, it does not gather for ever.
_MAX_ATTEMPTS: Final = 100
#: Syncing waits until nothing has been ordered for so long, or so many attempts wait for it.
_SYNC_AFTER_S: Final = 0.1
_MAX_UNSYNCED: Final = 16
_AUTO: Final = "auto"

_PR_SET_NAME: Final = 15
_PR_SET_CHILD_SUBREAPER: Final = 36
_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class CannotContain(Exception):
    """The class of containment that was asked for is not to be had here."""


class Standby:
    """One supervisor, from its fork to its end.

    Args:
        lifeline: Its end of the connection to the engine.
        places: Where control groups may be made, the best first.
        counters: Where task counters may be made; None: nowhere.
    """

    def __init__(
        self, lifeline: socket.socket, places: Sequence[Place], counters: Place | None
    ) -> None:
        self._lifeline = lifeline
        self._places = places
        self._group: Group | None = None
        self._best = cgroup.SCAN
        self._tools = Tools(
            selectors.DefaultSelector(), _signal_pipe(), bytearray(MAX_CHUNK_BYTES), counters
        )
        self._unread: bytes | None = b""
        self._unsynced: list[Supervisor] = []
        self._files = 0

    def run(self) -> bool:
        """Carry out orders until none will come; return whether all is as it should be."""
        become_subreaper(NAME)
        os.setsid()
        self._enter_group(self._places)
        self._best = self._kind
        self._files = _open_files()
        try:
            for number in range(_MAX_ATTEMPTS):
                if number:
                    self._say({"ready": True})
                pipes = Pipes.make()
                order = self._next_order()
                if order is None:
                    return True
                reach("supervisor.launch_received")
                self._attempt(order, pipes)
                if self._unread is None or self._leaks():
                    break
            self._sync()
            return not _has_children()
        finally:
            self._leave_group()

    def _next_order(self) -> Order | None:
        """Wait for an order; None when the engine hangs up instead."""
        while (message := self._next_message()) is not None:
            if "do" not in message:  # else it was meant for the attempt before, and comes too late
                return Order.from_json(message)
        return None

    def _is_permitted(self) -> bool:
        """Wait for the word to start; False when the engine hangs up instead."""
        while (message := self._next_message()) is not None:
            if message["do"] == GO:
                return True
        return False

    def _next_message(self) -> dict[str, Any] | None:
        """Wait for a line; None when the engine hangs up instead."""
        received = [self._unread or b""]
        size = len(received[0])
        while b"\n" not in received[-1]:
            part = self._receive()
            size += len(part)
            if not part or size > MAX_ORDER_BYTES:
                self._unread = None
                return None
            received.append(part)
        line, _, self._unread = b"".join(received).partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _receive(self) -> bytes:
        """Return what the engine sends next; nothing when it hangs up or SIGTERM comes instead."""
        selector, signals = self._tools.selector, self._tools.signals
        selector.register(self._lifeline, selectors.EVENT_READ)
        selector.register(signals, selectors.EVENT_READ)
        try:
            while True:
                ready = {key.fileobj for key, _ in selector.select(self._patience_s())}
                if not ready:
                    self._sync()
                if signals in ready and signal.SIGTERM in os.read(signals, _SIGNALS_BYTES):
                    return b""
                if self._lifeline in ready:
                    return self._lifeline.recv(_READ_BYTES)
        except OSError:
            return b""
        finally:
            selector.unregister(signals)
            selector.unregister(self._lifeline)

    def _patience_s(self) -> float | None:
        return _SYNC_AFTER_S if self._unsynced else None

    def _leaks(self) -> bool:
        waiting = sum(supervisor.open_files for supervisor in self._unsynced)
        return _open_files() - waiting != self._files

    def _sync(self) -> None:
        for supervisor in self._unsynced:
            supervisor.sync()
        self._unsynced.clear()

    def _attempt(self, order: Order, pipes: Pipes) -> None:
        """Make everything ready, wait for the word to start, and carry the order out."""
        brand = new_brand()
        try:
            self._adapt(order.containment)
            reaper = Reaper()
            containment = Containment(self._group, reaper.reap)
            supervisor = Supervisor(order, pipes, containment, reaper, self._tools)
            if not self._is_permitted():
                pipes.close()
                return
            os.chdir(order.folder)
            groups = ((self._group.kind, self._group.path),) if self._group else ()
            lock = claim("", Claim(os.getpid(), brand, groups))
        except (OSError, AlreadyClaimed, CannotContain) as error:
            pipes.close()
            self._say({"refused": f"{type(error).__name__}: {error}"})
            return
        reach("supervisor.claimed")
        unread, self._unread = self._unread, None
        self._unread = supervisor.run(self._lifeline, unread or b"", brand=brand)
        os.chdir("/")
        os.close(lock)
        self._unsynced.append(supervisor)
        if len(self._unsynced) == _MAX_UNSYNCED:
            self._sync()
        if containment.has_left:
            self._enter_group(self._places)

    @property
    def _kind(self) -> str:
        return self._group.kind if self._group else cgroup.SCAN

    def _adapt(self, containment: str) -> None:
        """Be in the class of containment that was asked for.

        Raises:
            CannotContain: It is not to be had here.
        """
        wanted = self._best if containment == _AUTO else containment
        if wanted != self._kind:
            self._enter_group([place for place in self._places if place.kind == wanted])
        if wanted != self._kind and containment != _AUTO:
            raise CannotContain(f"{containment} is not available")

    def _enter_group(self, places: Sequence[Place]) -> None:
        """Make a group in the first of these places that allows it, and enter it."""
        self._leave_group()
        for place in places:
            name = f"{PREFIX}{os.getpid()}-{new_brand():x}"
            group = KINDS[place.kind](os.path.join(place.parent, name))
            try:
                group.create()
                group.join()
            except OSError:
                group.remove()
                continue
            self._group = group
            return

    def _leave_group(self) -> None:
        if self._group is not None:
            with contextlib.suppress(OSError):
                self._group.leave()
            self._group.remove()
            self._group = None

    def _say(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._lifeline.sendall(json.dumps(message).encode() + b"\n")


def become_subreaper(name: bytes) -> None:
    """Be the parent of every descendant that loses its own; be called `name` in `ps`."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _libc.prctl(_PR_SET_NAME, name, 0, 0, 0)


def _signal_pipe() -> int:
    """Have SIGCHLD and SIGTERM written to a pipe, and survive the other polite ones."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _awake)
    return readable


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _open_files() -> int:
    """Return how many files are open. Only compared with itself."""
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))


def _awake(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the wakeup descriptor has said it already."""
