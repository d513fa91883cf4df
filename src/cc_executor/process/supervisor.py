"""The process that owns one child: captures it, bounds it, ends it, and says how it ended.

Single-threaded: one loop over pipes, sockets and signals. It outlives whoever ordered the attempt.
Whatever happens to it, short of SIGKILL, its tree is gone and an outcome is written before it
ends.

Standard library only.
"""

from __future__ import annotations

import base64
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final, NamedTuple

from cc_executor.journal import layout
from cc_executor.journal.crash_points import reach
from cc_executor.journal.records import STDERR, STDOUT
from cc_executor.journal.writer import JournalWriter
from cc_executor.process import ladder as rungs
from cc_executor.process import timers
from cc_executor.process.capture import Capture, StdinFeed
from cc_executor.process.child import Child, failure
from cc_executor.process.connections import Command, Connection, Connections, Refused
from cc_executor.process.containment import Containment
from cc_executor.process.ladder import StopLadder
from cc_executor.process.order import Order
from cc_executor.process.outcome import OutcomeFile
from cc_executor.process.reaper import Reaper
from cc_executor.process.timers import Clocks
from cc_executor.process.tree import Swept

_FAREWELL_S: Final = 1.0
_SWEEP_S: Final = 10.0
_STATUS_BYTES: Final = 1 << 16

# The words of `model.outcomes.EndedBy`, which this process does not import.
EXIT: Final = "exit"
TIMER: Final = "timer"
CANCEL: Final = "cancel"
GRACE: Final = "grace"
ORPHANED: Final = "orphaned"
LIMIT: Final = "limit"
NOT_STARTED: Final = "start"
LOST: Final = "lost"


class Cause(NamedTuple):
    """Why the attempt is to end, in the words of `model.outcomes.Executed`."""

    ended_by: str
    timer: str | None = None
    limit: str | None = None
    error: str | None = None


#: What it means that a timer has ended.
EXPIRY: Final[Mapping[str, Cause]] = {
    timers.TOTAL: Cause(TIMER, timer="total"),
    timers.START: Cause(TIMER, timer="start"),
    timers.IDLE: Cause(TIMER, timer="idle"),
    timers.GRACE: Cause(GRACE),
    timers.ORPHAN: Cause(ORPHANED),
}

#: What it means that a signal reaches the supervisor itself.
SIGNALLED: Final = Cause(ORPHANED, error="the supervisor was told to terminate (SIGTERM)")


class Supervisor:
    """Owns the child from its order to its outcome. The current directory is its folder.

    Args:
        order: What is to be run.
        child: The waiting child that is to run it.
        containment: Hold on its tree.
        reaper: Of this process's children.
    """

    def __init__(
        self, order: Order, child: Child, containment: Containment, reaper: Reaper
    ) -> None:
        self._order = order
        self._child = child
        self._containment = containment
        self._reaper = reaper
        self._selector = selectors.DefaultSelector()
        self._outcome = OutcomeFile()
        self._journal = JournalWriter()
        self._capture = Capture(
            self._selector,
            self._journal,
            limit_bytes=order.output_limit_bytes,
            on_limit=lambda limit, problem: self._stop(Cause(LIMIT, limit=limit, error=problem)),
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
        self._feed: StdinFeed | None = None
        self._cause: Cause | None = None
        self._running = False
        self._told_head = 0
        self._swept: set[int] = set()
        self._survivors: tuple[int, ...] = ()
        self._started_at = time.time()
        self._started = time.monotonic()
        self._clocks = Clocks(order.timers, judged=order.judged, now=self._started)

    def run(self, lifeline: socket.socket, unread: bytes) -> None:
        """Run the attempt to its end; returns when its outcome is in place and told.

        Args:
            lifeline: The connection to the engine that gave the order.
            unread: What it had sent behind the order.
        """
        try:
            self._start(lifeline, unread)
            while self._reaper.status is None and not self._survivors:
                self._turn()
            reach("supervisor.child_reaped")
            self._sweep()
        except BaseException as error:  # noqa: BLE001  # whatever it is: first the tree, then the truth
            self._cause = Cause(LOST, error=f"the supervisor failed: {error!r}")
            self._note(self._containment.kill(within_s=_SWEEP_S))
        self._finish()

    # --- start and loop ---------------------------------------------------------------------------

    def _start(self, lifeline: socket.socket, unread: bytes) -> None:
        self._watch_signals()
        self._selector.register(self._child.status, selectors.EVENT_READ, self._exec_answered)
        self._capture.watch(STDOUT, self._child.stdout)
        self._capture.watch(STDERR, self._child.stderr)
        self._child.execute(self._order)
        reach("supervisor.exec_ordered")
        if self._order.keep_stdin_open:
            self._feed = StdinFeed(self._selector, self._child.stdin)
            self._feed.give(self._given_stdin())
        else:
            os.close(self._child.stdin)
        engine = self._connections.add(lifeline)
        engine.become_engine(self._order.engine_pid)
        self._attendance()  # it may be dead by now
        engine.feed(unread)
        self._listen()

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
        expired = self._clocks.expired(now)
        if expired is not None and self._reaper.status is None:
            self._stop(EXPIRY[expired])
        self._climb(now)

    def _patience(self) -> float | None:
        """Return how long nothing has to be done, None when only an event can change that."""
        if self._cause is not None:
            due = self._ladder.next_at
        else:
            expiry = self._clocks.next_expiry()
            due = expiry.at if expiry is not None else None
        return None if due is None else max(due - time.monotonic(), 0.0)

    def _watch_signals(self) -> None:
        """Have SIGCHLD and SIGTERM wake the loop, and survive the other polite ones."""
        readable, writable = os.pipe()
        os.set_blocking(readable, False)
        os.set_blocking(writable, False)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _awake)
        self._selector.register(
            readable, selectors.EVENT_READ, lambda _mask: self._signalled(os.read(readable, 4096))
        )

    def _signalled(self, numbers: bytes) -> None:
        self._reaper.reap()
        if signal.SIGTERM in numbers:
            self._stop(SIGNALLED)

    def _exec_answered(self, _mask: int) -> None:
        report = os.read(self._child.status, _STATUS_BYTES)
        self._selector.unregister(self._child.status)
        os.close(self._child.status)
        if report:
            self._cause = Cause(NOT_STARTED, error=failure(report))
            return
        self._running = True
        reach("supervisor.started")
        self._connections.tell({"started": self._child.pid})

    def _listen(self) -> None:
        """Open the control socket. Its name is short because this is the current directory."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(layout.CONTROL)
        listener.listen()
        self._connections.listen(listener)

    def _given_stdin(self) -> bytes:
        if not self._order.has_stdin:
            return b""
        with open(layout.STDIN, "rb") as file:
            return file.read()

    # --- the end ----------------------------------------------------------------------------------

    def _stop(self, cause: Cause) -> None:
        """Begin to stop the tree; the first cause is the one that counts."""
        if self._cause is not None:
            return
        self._cause = cause
        if self._reaper.status is not None:
            return
        reach("supervisor.stopping")
        self._ladder.begin(time.monotonic())

    def _climb(self, now: float) -> None:
        """Do what the next rung of the ladder says, if it is due."""
        rung = self._ladder.climb(now)
        if rung is None or self._reaper.status is not None:
            return
        if rung.action == rungs.KILL:
            self._note(self._containment.kill(within_s=rung.grace_s))
        elif rung.action == rungs.STDIN:
            if self._feed is not None:
                self._feed.cut()
        else:
            number = signal.SIGINT if rung.action == rungs.INTERRUPT else signal.SIGTERM
            os.kill(self._child.pid, number)
        self._thaw()  # after the signal: it is the first thing that a paused child sees

    def _note(self, swept: Swept) -> None:
        self._swept |= swept.killed - {self._child.pid}
        self._survivors = swept.survivors

    def _sweep(self) -> None:
        """End what the child left behind: when a task is over, nothing of it is alive."""
        if self._selector.get_map().get(self._child.status) is not None:
            self._exec_answered(0)  # it was so short that its end was noticed first
        if self._reaper.reap():
            self._note(self._containment.kill(within_s=_SWEEP_S))
        self._capture.drain()
        reach("supervisor.tree_gone")

    def _finish(self) -> None:
        executed = self._executed()
        self._containment.remove()
        self._outcome.put(executed)
        self._connections.tell({"ended": executed, "head": self._capture.head})
        self._connections.farewell(_FAREWELL_S)
        reach("supervisor.engine_told")
        self._outcome.sync()
        self._journal.sync()

    def _executed(self) -> dict[str, Any]:
        """Return what was seen, in the words of `model.outcomes.Executed`."""
        cause = self._cause or Cause(EXIT)
        now = time.monotonic()
        self._clocks.resume(now)
        status = self._reaper.status
        seen: dict[str, Any] = {
            **cause._asdict(),
            "rung": self._ladder.rung.action if self._ladder.rung else None,
            "swept": len(self._swept),
            "started_at": self._started_at,
            "ended_at": time.time(),
            "duration_s": now - self._started,
            "paused_s": self._clocks.paused_s,
            "output_bytes": self._capture.head,
            "stdout_bytes": self._capture.bytes[STDOUT],
            "stderr_bytes": self._capture.bytes[STDERR],
            "max_rss_bytes": self._reaper.max_rss_bytes or None,
            "cpu_s": self._reaper.cpu_s if status is not None else None,
        }
        if status is not None and cause.ended_by != NOT_STARTED:
            seen.update(_how_it_exited(status))
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
            pid=self._child.pid,
            running=self._running,
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
            hold=command["hold"] is not None,
            finished=command["finished"],
        )

    def _write(self, peer: Connection, command: Command) -> None:
        feed = self._feed
        if feed is None or not feed.is_open:
            raise Refused("stdin is closed")
        if not feed.has_room:
            raise Refused("the child does not read its stdin")
        feed.give(base64.b64decode(command["data"], validate=True))
        peer.answer(command)

    def _close_stdin(self, peer: Connection, command: Command) -> None:
        if self._feed is not None:
            self._feed.close()
        peer.answer(command)


def _how_it_exited(status: int) -> dict[str, Any]:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        names = {known.value: known.name for known in signal.Signals}
        return {"signal": names.get(number, f"SIG{number}")}  # real-time signals have no name
    return {"exit_code": os.WEXITSTATUS(status)}


def _awake(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the wakeup descriptor has said it already."""
