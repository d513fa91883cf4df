"""A supervisor in waiting: everything that can be done before its order comes, is done.

It holds one end of its lifeline, a socket whose other end the spawner hands to the engine. When
the order comes it claims the attempt and supervises it; when the engine goes away instead, it
goes, too.

Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from cc_executor.journal.crash_points import reach
from cc_executor.process import cgroup
from cc_executor.process.cgroup import KINDS, PREFIX, Group, Place
from cc_executor.process.child import Child, fork_child
from cc_executor.process.claim import AlreadyClaimed, Claim, claim
from cc_executor.process.containment import Containment
from cc_executor.process.marks import Mark
from cc_executor.process.order import Order
from cc_executor.process.reaper import Reaper
from cc_executor.process.supervisor import Supervisor

MAX_ORDER_BYTES: Final = 16 << 20
_READ_BYTES: Final = 1 << 18
_AUTO: Final = "auto"
_NAME: Final = b"cc-supervisor"

_PR_SET_NAME: Final = 15
_PR_SET_CHILD_SUBREAPER: Final = 36
_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class CannotContain(Exception):
    """The class of containment that was asked for is not to be had here."""


class Prepared(NamedTuple):
    """A waiting child and the control group that it is in, if there is one."""

    child: Child
    group: Group | None

    def discard(self) -> None:
        """Let go of both, unused."""
        self.child.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.child.pid, 0)
        if self.group is not None:
            self.group.remove()


class Standby:
    """One supervisor in waiting.

    Args:
        lifeline: Its end of the connection to the engine.
        brand: What will brand its tree.
        places: Where control groups may be made, the best first.
    """

    def __init__(self, lifeline: socket.socket, brand: int, places: Sequence[Place]) -> None:
        self._lifeline = lifeline
        self._brand = brand
        self._places = places
        self._prepared: Prepared | None = None

    def run(self) -> None:
        """Wait for an order and carry it out; return when it is done, or will not come."""
        become_subreaper(_NAME)
        os.setsid()
        self._prepared = self._prepare(self._places)
        try:
            received = _receive_order(self._lifeline)
            if received is not None:
                self._carry_out(*received)
        finally:
            if self._prepared is not None:
                self._prepared.discard()

    def _carry_out(self, order: Order, unread: bytes) -> None:
        reach("supervisor.launch_received")
        try:
            child, group = self._adapted(order.containment)
            os.chdir(order.folder)
            lock = claim("", self._claim(order.attempt_id, group))
        except (OSError, AlreadyClaimed, CannotContain) as error:
            self._refuse(f"{type(error).__name__}: {error}")
            return
        reach("supervisor.claimed")
        reaper = Reaper(child.pid)
        supervisor = Supervisor(order, child, Containment(group, child.pid, reaper.reap), reaper)
        self._prepared = None  # the supervisor's from here on
        supervisor.run(self._lifeline, unread)
        os.close(lock)

    def _claim(self, attempt_id: str, group: Group | None) -> Claim:
        groups = ((group.kind, group.path),) if group else ()
        return Claim(os.getpid(), Mark(attempt_id, self._brand), groups)

    def _prepare(self, places: Sequence[Place]) -> Prepared:
        group = self._new_group(places)
        return Prepared(fork_child(self._brand, (group,) if group else ()), group)

    def _new_group(self, places: Sequence[Place]) -> Group | None:
        for place in places:
            name = f"{PREFIX}{os.getpid()}-{self._brand:x}"
            group = KINDS[place.kind](os.path.join(place.parent or "/", name))
            with contextlib.suppress(OSError):
                group.create()
                return group
        return None

    def _adapted(self, containment: str) -> Prepared:
        """Return a living child in the class of containment that was asked for.

        Raises:
            CannotContain: It is not to be had here.
        """
        prepared = self._prepared
        if prepared is not None:
            kind = prepared.group.kind if prepared.group else cgroup.SCAN
            lives = os.waitpid(prepared.child.pid, os.WNOHANG) == (0, 0)
            if lives and containment in (_AUTO, kind):
                return prepared
            prepared.discard()
        places = [place for place in self._places if containment in (_AUTO, place.kind)]
        if not places and containment not in (_AUTO, cgroup.SCAN):
            raise CannotContain(f"{containment} is not available")
        self._prepared = self._prepare(places)
        return self._prepared

    def _refuse(self, problem: str) -> None:
        with contextlib.suppress(OSError):
            self._lifeline.sendall(json.dumps({"refused": problem}).encode() + b"\n")


def become_subreaper(name: bytes) -> None:
    """Be the parent of every descendant that loses its own; be called `name` in `ps`."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _libc.prctl(_PR_SET_NAME, name, 0, 0, 0)


def _receive_order(lifeline: socket.socket) -> tuple[Order, bytes] | None:
    """Return the order and what was sent behind it; None when the engine went away."""
    parts: list[bytes] = []
    size = 0
    while True:
        try:
            part = lifeline.recv(_READ_BYTES)
        except OSError:
            return None
        size += len(part)
        if not part or size > MAX_ORDER_BYTES:
            return None
        line, newline, unread = part.partition(b"\n")
        parts.append(line)
        if newline:
            return Order.from_json(json.loads(b"".join(parts))), unread
