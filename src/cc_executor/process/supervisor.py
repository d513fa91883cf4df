"""The process that owns one child: captures it, bounds it, ends it, and says how it ended.

Single-threaded: one loop over pipes, sockets and signals. It outlives whoever ordered the attempt.
Whatever happens to it, short of SIGKILL, its tree is gone and an outcome is written before it
ends.

Standard library only.
"""

from __future__ import annotations

import base64
import contextlib
import os
import selectors
import signal
import socket
import time
from typing import Any, Final, NamedTuple

from cc_executor.journal import layout
from cc_executor.journal.crash_points import reach
from cc_executor.journal.records import STDERR, STDOUT
from cc_executor.journal.writer import JournalWriter
from cc_executor.process import ladder as rungs
from cc_executor.process.capture import Capture, StdinFeed
from cc_executor.process.cgroup import Place
from cc_executor.process.child import CannotStart, Pipes, start
from cc_executor.process.connections import Command, Connection, Connections, Refused
from cc_executor.process.containment import Containment
from cc_executor.process.endings import (
    EXIT,
    EXPIRY,
    LIMIT,
    LOST,
    NOT_STARTED,
    SIGNALLED,
    Cause,
    how_it_exited,
    timer_of,
)
from cc_executor.process.guard import Guard
from cc_executor.process.ladder import StopLadder
from cc_executor.process.meter import Breach
from cc_executor.process.order import Order
from cc_executor.process.outcome import OutcomeFile
from cc_executor.process.processor import CAN_SEE, Meter
from cc_executor.process.reaper import Reaper
from cc_executor.process.timers import LOOK, Clocks
from cc_executor.process.tree import Swept

_FAREWELL_S: Final = 1.0
_SWEEP_S: Final = 10.0
_SIGNALS_BYTES: Final = 4096


class Tools(NamedTuple):
    """What one attempt after the other is supervised with.

    Attributes:
        selector: The event loop; what is registered carries a callback that takes the event mask.
        signals: Gives the numbers of signals that have arrived, one byte each.
        buffer: What is read goes through it.
        counters: Where task counters may be made (`kernel_limits`); None: nowhere.
    """

    selector: selectors.BaseSelector
    signals: int
    buffer: bytearray
    counters: Place | None


class Supervisor:
    """Owns the child from its order to its outcome. The current directory is its folder.

    Args:
        order: What is to be run.
        pipes: The child's standard streams.
        containment: Hold on its tree.
        reaper: Of this process's children.
        tools: For the loop.
    """

    def __init__(
        self, order: Order, pipes: Pipes, containment: Containment, reaper: Reaper, tools: Tools
    ) -> None:
        self._order = order
        self._pipes = pipes
        self._containment = containment
        self._reaper = reaper
        self._selector = tools.selector
        self._signals = tools.signals
        self._outcome = OutcomeFile(order.folder)
        self._journal = JournalWriter()
        self._capture = Capture(
            self._selector,
            self._journal,
            tools.buffer,
            limit_bytes=order.output_limit_bytes,
            on_limit=lambda limit, problem: self._stop(Cause(LIMIT, limit=limit, error=problem)),
        )
        self._guard = Guard(
            order, containment, tools.counters, self._selector, on_breach=self._breached
        )
        self._connections = Connections(
            self._selector,
            {
                "hello": self._hello,
                "pause": self._pause,
                "resume": self._resume,
                "stop": self._stop_asked,
                "judged": self._judged,
                "write": self._write,
                "close_stdin": self._close_stdin,
            },
            self._attendance,
        )
        self._ladder = StopLadder(order.ladder)
        self._feed = StdinFeed(self._selector, pipes.stdin)
        self._cause: Cause | None = None
        self._lifeline: Connection | None = None
        self._told_head = 0
        self._synced = False
        self._swept: set[int] = set()
        self._survivors: tuple[int, ...] = ()
        self._started_at = self._started = 0.0
        self._stopping: float | None = None
        self._meter = Meter(lambda: reaper.cpu_s)
        self._clocks = Clocks(order.timers, judged=order.judged, now=0.0)

    def run(self, lifeline: socket.socket, unread: bytes, *, brand: int) -> bytes | None:
        """Run the attempt to its end; returns when its outcome is in place and told.

        Args:
            lifeline: The connection to the engine that gave the order.
            unread: What it had sent behind the order.
            brand: What marks the tree (`marks.new_brand`).

        Returns:
            What the engine had sent for the time after; None when it has hung up, or this process
            is not fit for another attempt.
        """
        fit = True
        try:
            self._start(lifeline, unread, brand)
            while self._reaper.status is None and not self._survivors:
                self._turn()
            reach("supervisor.child_reaped")
            self._sweep()
        except CannotStart as error:
            self._cause = Cause(NOT_STARTED, error=str(error))
        except BaseException as error:  # noqa: BLE001  # whatever it is: first the tree, then the truth
            fit = False
            self._cause = Cause(LOST, error=f"the supervisor failed: {error!r}")
            self._note(self._containment.kill(within_s=_SWEEP_S))
        rest = self._finish()
        return rest if fit and not self._survivors and not self._guard.is_stuck else None

    # --- start and loop ---------------------------------------------------------------------------

    def _start(self, lifeline: socket.socket, unread: bytes, brand: int) -> None:
        """Start the child first; all else is done while it comes to life."""
        self._started_at = time.time()
        self._started = time.monotonic()
        self._clocks = Clocks(
            self._order.timers, judged=self._order.judged, now=self._started, looks=CAN_SEE
        )
        try:
            with self._guard.starting():
                self._reaper.child = start(self._order, self._pipes, brand)
        finally:
            self._lifeline = self._connections.add(lifeline)
            self._pipes.close_ends_of_child()
            self._selector.register(self._signals, selectors.EVENT_READ, self._signalled)
            self._capture.watch(STDOUT, self._pipes.stdout)
            self._capture.watch(STDERR, self._pipes.stderr)
        self._containment.started(self._reaper.child)
        reach("supervisor.child_started")
        self._listen()  # whoever is told of the start may call at once
        self._connections.tell({"started": self._reaper.child})
        self._lifeline.become_engine(self._order.engine_pid)
        self._attendance()  # it may be dead by now
        self._outcome.reserve()
        self._feed_stdin()
        self._lifeline.feed(unread)
        self._guard.started(self._started_at)

    def _feed_stdin(self) -> None:
        if not self._order.keep_stdin_open:
            self._feed.cut()
        elif self._order.has_stdin:
            with open(layout.STDIN, "rb") as file:
                self._feed.give(file.read())

    def _turn(self) -> None:
        """Wait for what is next, and react to it."""
        for key, mask in self._selector.select(self._patience()):
            key.data(mask)
        head = self._capture.head
        now = time.monotonic()
        if head != self._told_head:
            reach("supervisor.output_captured")
            self._told_head = head
            self._clocks.output(now, head)
            self._connections.tell_head(head)
        if self._cause is None and self._reaper.status is None:
            self._watch_the_clocks(now)
        self._climb(now)

    def _watch_the_clocks(self, now: float) -> None:
        while (expired := self._clocks.expired(now)) == LOOK:
            self._clocks.looked(now, self._meter.used_s())
        if expired is not None:
            self._stop(EXPIRY[expired])

    def _patience(self) -> float | None:
        """Return how long nothing has to be done, None when only an event can change that."""
        if self._cause is not None:
            due = self._ladder.next_at
        else:
            expiry = self._clocks.next_expiry()
            due = expiry.at if expiry is not None else None
        return None if due is None else max(due - time.monotonic(), 0.0)

    def _signalled(self, _mask: int) -> None:
        arrived = os.read(self._signals, _SIGNALS_BYTES)
        self._reaper.reap()
        if signal.SIGTERM in arrived and self._reaper.status is None:
            self._stop(SIGNALLED)

    def _listen(self) -> None:
        """Open the control socket. Its name is short because this is the current directory."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(layout.CONTROL)
        listener.listen()
        self._connections.listen(listener)

    # --- the end ----------------------------------------------------------------------------------

    def _stop(self, cause: Cause) -> None:
        """Begin to stop the tree; the first cause is the one that counts."""
        if self._cause is not None:
            return
        self._cause = cause
        self._stopping = time.monotonic()
        if self._reaper.status is not None:
            return
        reach("supervisor.stopping")
        self._ladder.begin(self._stopping)

    def _breached(self, breach: Breach) -> None:
        """End at once what takes too much: it may not take more while it is asked to leave."""
        self._stop(Cause(LIMIT, limit=breach.limit, error=breach.problem))
        self._ladder.skip_to_kill(time.monotonic())

    def _climb(self, now: float) -> None:
        """Do what the next rung of the ladder says, if it is due."""
        rung = self._ladder.climb(now)
        if rung is None or self._reaper.status is not None:
            return
        if rung.action == rungs.KILL:
            self._note(self._containment.kill(within_s=rung.grace_s))
        elif rung.action == rungs.STDIN:
            self._feed.cut()
        else:
            number = signal.SIGINT if rung.action == rungs.INTERRUPT else signal.SIGTERM
            os.kill(self._reaper.child, number)
        self._thaw()  # after the signal: it is the first thing that a paused child sees

    def _note(self, swept: Swept) -> None:
        self._swept |= swept.killed - {self._reaper.child}
        self._survivors = swept.survivors

    def _sweep(self) -> None:
        """End what the child left behind: when a task is over, nothing of it is alive."""
        if self._reaper.reap():
            self._note(self._containment.kill(within_s=_SWEEP_S))
        self._capture.drain()
        reach("supervisor.tree_gone")

    def _finish(self) -> bytes | None:
        is_attended = bool(self._connections.engines)
        breach = self._guard.close(self._reaper.status)
        if breach is not None and self._cause is None:
            self._cause = Cause(LIMIT, limit=breach.limit, error=breach.problem)
        self._outcome.put(executed := self._executed())
        self._connections.tell({"ended": executed, "head": self._capture.head})
        unread = self._connections.farewell(_FAREWELL_S, staying=self._lifeline)
        reach("supervisor.engine_told")
        self._close()
        if not is_attended:
            self.sync()
        return unread

    def _close(self) -> None:
        """Let go of all that this attempt had open, except what is to be synced."""
        self._capture.drain()
        self._feed.cut()
        with contextlib.suppress(KeyError):
            self._selector.unregister(self._signals)
        with contextlib.suppress(OSError):
            os.unlink(layout.CONTROL)

    @property
    def open_files(self) -> int:
        """How many files wait to be synced."""
        return 0 if self._synced else self._outcome.open_files + self._journal.open_files

    def sync(self) -> None:
        """Have outcome and output survive a power failure. Doing it again changes nothing.

        An engine records the outcome for itself, durably; so when one is attached this may wait
        until nothing else is to be done. Where the disk is busy with it, all else is slow.
        """
        if not self._synced:
            self._synced = True
            with contextlib.suppress(OSError):  # the folder may have been removed by now
                self._outcome.sync()
                self._journal.sync()
            self._outcome.close()
            self._journal.close()

    def _executed(self) -> dict[str, Any]:
        """Return what was seen, in the words of `model.outcomes.Executed`."""
        cause = self._cause or Cause(EXIT)
        now = time.monotonic()
        status = self._reaper.status
        seen: dict[str, Any] = {
            **cause._asdict(),
            "rung": self._ladder.rung.action if self._ladder.rung else None,
            "swept": len(self._swept),
            "started_at": self._started_at,
            "ended_at": time.time(),
            "duration_s": now - self._started,
            "paused_s": self._clocks.paused_s(now),
            "timers": self._clocks.table(self._stopping or now, timer_of(self._cause)),
            "output_bytes": self._capture.head,
            "stdout_bytes": self._capture.bytes[STDOUT],
            "stderr_bytes": self._capture.bytes[STDERR],
            "memory_peak_bytes": self._guard.peak_bytes or None,
            "enforcement": self._guard.enforcement or None,
        }
        if status is not None:
            seen["cpu_s"] = self._reaper.cpu_s
            seen["max_rss_bytes"] = self._reaper.max_rss_bytes
            seen.update(how_it_exited(status))
        if self._survivors:
            seen["error"] = f"could not be killed: {', '.join(map(str, self._survivors))}"
        return {name: value for name, value in seen.items() if value is not None}

    # --- commands ---------------------------------------------------------------------------------

    def _attendance(self) -> None:
        self._clocks.attended(time.monotonic(), by_engine=bool(self._connections.engines))

    def _hello(self, peer: Connection, command: Command) -> None:
        if command["role"] == "engine":
            peer.become_engine(command["pid"])
        peer.answer(
            command,
            pid=self._reaper.child,
            head=self._capture.head,
            paused=self._clocks.paused,
        )

    def _pause(self, peer: Connection, command: Command) -> None:
        if self._cause is not None:
            raise Refused("it is ending")
        if not self._clocks.paused:
            try:
                self._containment.freeze()
            except OSError as error:
                raise Refused(f"it cannot be frozen: {error}") from error
            self._clocks.pause(time.monotonic())
        peer.answer(command)

    def _resume(self, peer: Connection, command: Command) -> None:
        self._thaw()
        peer.answer(command)

    def _thaw(self) -> None:
        if self._clocks.paused:
            self._containment.thaw()
            self._clocks.resume(time.monotonic())

    def _stop_asked(self, peer: Connection, command: Command) -> None:
        if self._reaper.status is None:
            self._stop(Cause(str(command["reason"])))
        if command["now"]:
            self._ladder.skip_to_kill(time.monotonic())
        peer.answer(command)

    def _judged(self, _peer: Connection, command: Command) -> None:
        self._clocks.judge(
            time.monotonic(),
            upto=command["upto"],
            progress=command["progress"],
            hold=command["hold"],
            hold_s=command.get("hold_s"),
            finished=command["finished"],
        )

    def _write(self, peer: Connection, command: Command) -> None:
        if not self._feed.is_open:
            raise Refused("stdin is closed")
        if not self._feed.has_room:
            raise Refused("the child does not read its stdin")
        self._feed.give(base64.b64decode(command["data"], validate=True))
        peer.answer(command)

    def _close_stdin(self, peer: Connection, command: Command) -> None:
        self._feed.close()
        peer.answer(command)
