"""Forks supervisors: one small process for each engine, which has imported all they need.

The engine writes a byte for each supervisor that it wants and gets a JSON line for each, with the
other end of that supervisor's lifeline. The spawner knows nothing of attempts. It is the second
guard: what a supervisor leaves behind that was killed itself becomes the spawner's child, and
is killed. That is why it stays, after its engine is gone, until its last supervisor is.

Standard library only; run by `boot.py` in an interpreter without site-packages.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Final, NoReturn

from cc_executor.journal.crash_points import reach
from cc_executor.process import cgroup
from cc_executor.process.cgroup import Place
from cc_executor.process.kernel_limits import counter_place
from cc_executor.process.standby import Standby, become_subreaper
from cc_executor.process.tree import everybody, pauses

_NAME: Final = b"cc-spawner"
_READ_BYTES: Final = 256
_SWEEP_S: Final = 5.0
_ALL_FDS: Final = (1 << 31) - 1
_MAX_REPORT_CHARS: Final = 4000
#: `subprocess` gives these back to what it starts.
_IGNORED_BY_PYTHON: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


class Spawner:
    """Forks a supervisor for each byte that comes in.

    Args:
        engine: The connection to the engine.
        engine_pid: The engine's process.
    """

    def __init__(self, engine: socket.socket, engine_pid: int) -> None:
        self._engine = engine
        self._engine_pid = engine_pid
        self._supervisors: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._places: Sequence[Place] = ()
        self._counters: Place | None = None
        self._serving = True

    def run(self) -> None:
        """Serve until the engine is gone, and stay until the last supervisor is."""
        become_subreaper(_NAME)
        self._places = cgroup.places()
        self._counters = counter_place()
        self._remove_stale_groups()
        self._watch()
        reach("spawner.started")
        gc.collect()
        gc.freeze()  # what is here now is shared with every supervisor and never looked at again
        while self._serving or self._supervisors:
            for key, _ in self._selector.select():
                key.data()

    def _remove_stale_groups(self) -> None:
        for place in (*self._places, *((self._counters,) if self._counters else ())):
            cgroup.remove_stale(place)

    def _watch(self) -> None:
        readable, writable = os.pipe()
        os.set_blocking(readable, False)
        os.set_blocking(writable, False)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _awake)
        self._selector.register(readable, selectors.EVENT_READ, lambda: self._reap(readable))
        self._selector.register(self._engine, selectors.EVENT_READ, self._serve)
        if sys.platform == "linux":
            # The socket alone is no proof: a fork of the engine may hold it open.
            try:
                engine = os.pidfd_open(self._engine_pid)
            except OSError:
                self._stop()
            else:
                self._selector.register(engine, selectors.EVENT_READ, self._stop)

    def _stop(self) -> None:
        """Serve no more: the engine is gone. Supervisors in waiting notice it themselves."""
        if self._serving:
            self._serving = False
            for key in tuple(self._selector.get_map().values()):
                if key.data in (self._serve, self._stop):
                    self._selector.unregister(key.fd)
            self._engine.close()

    def _serve(self) -> None:
        try:
            wanted = self._engine.recv(_READ_BYTES)
        except OSError:
            wanted = b""
        if not wanted:
            self._stop()
        for _ in wanted:
            self._fork()

    def _fork(self) -> None:
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            self._tell({"failed": f"socketpair: {error.strerror}"})
            return
        with ours, theirs:
            try:
                pid = os.fork()
            except OSError as error:
                self._tell({"failed": f"fork: {error.strerror}"})
                return
            if pid == 0:
                self._become_supervisor(ours)
            self._supervisors.add(pid)
            reach("spawner.forked")
            self._tell({"supervisor": pid}, theirs)

    def _become_supervisor(self, lifeline: socket.socket) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            kept = os.dup2(lifeline.fileno(), 3, inheritable=False)
            lifeline.detach()
            os.closerange(kept + 1, _ALL_FDS)
            if Standby(socket.socket(fileno=kept), self._places, self._counters).run():
                code = 0
        except BaseException:  # noqa: BLE001  # a forked child must never return
            traceback.print_exc()
        finally:
            os._exit(code)

    def _reap(self, wakeups: int) -> None:
        os.read(wakeups, _READ_BYTES)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid in self._supervisors:
                    self._supervisors.remove(pid)
                    if status != 0:
                        self._bury(pid)

    def _bury(self, supervisor: int) -> None:
        """Kill what a supervisor left behind that did not end as it should."""
        groups = tuple(cgroup.groups_of(supervisor, self._places))
        for group in groups:
            group.kill()
        for _ in pauses(_SWEEP_S):
            strangers = [
                process
                for process in everybody()
                if process.parent == os.getpid() and process.pid not in self._supervisors
            ]
            if not strangers:
                break
            for process in strangers:
                with contextlib.suppress(OSError):
                    os.kill(process.pid, signal.SIGKILL)
                    os.waitpid(process.pid, os.WNOHANG)
        for group in groups:
            group.remove()
        self._remove_stale_groups()
        self._tell({"buried": supervisor})

    def _tell(self, message: Mapping[str, Any], *enclosed: socket.socket) -> None:
        fds = array.array("i", [one.fileno() for one in enclosed])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if enclosed else []
        try:
            self._engine.sendmsg([json.dumps(message).encode() + b"\n"], rights)
        except OSError:
            self._stop()


def main(arguments: Sequence[str]) -> None:
    """Run the spawner: its end of the connection and the engine's process id are the arguments."""
    kept = os.dup2(int(arguments[0]), 3, inheritable=False)
    os.closerange(kept + 1, _ALL_FDS)
    _forget_inherited_signals()
    engine = socket.socket(fileno=kept)
    spawner = Spawner(engine, int(arguments[1]))
    try:
        spawner.run()
    except BaseException:  # noqa: BLE001  # the engine logs what its spawner died of
        report = traceback.format_exc()[-_MAX_REPORT_CHARS:]
        with contextlib.suppress(OSError):
            engine.sendall(json.dumps({"died": report}).encode() + b"\n")


def _forget_inherited_signals() -> None:
    """Handle signals as any program does, whatever the engine ignores or blocks for itself."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - _IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, _awake)  # not ignored: that would be inherited by every agent


def _awake(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the wakeup descriptor has said it already."""
