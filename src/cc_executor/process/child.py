"""The child to be: forked ahead of time, waiting for what it is to execute.

Forking a Python process takes about a millisecond, most of what it costs to start a small
program. So the fork is made while nobody waits, and what is left to do at the start of an attempt is
one `exec`. The waiting child already is in its own session and control group, bears its brand,
has its pipes as standard streams and nothing else open, and dies with its supervisor.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, NoReturn

from cc_executor.journal import layout
from cc_executor.process.cgroup import Group
from cc_executor.process.marks import ENVIRONMENT, apply_brand
from cc_executor.process.order import Order

_ORDER_FD: Final = 3
_STATUS_FD: Final = 4
_UMASK: Final = 0o022
_NOT_EXECUTED: Final = 127
_ALL_FDS: Final = (1 << 31) - 1
#: A user has 64 MiB for pipes; beyond it, all new ones of that user shrink to one page.
_PIPE_BYTES: Final = 1 << 18
_STATUS_BYTES: Final = 4096

_PR_SET_PDEATHSIG: Final = 1
# Loaded before any fork: the dynamic loader is not for a forked child.
_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child(NamedTuple):
    """A waiting child, seen from its supervisor. All descriptors are the supervisor's ends.

    Attributes:
        order: Where what to execute is written, once.
        status: Gives its end when the program runs, and why not when it does not.
    """

    pid: int
    order: int
    status: int
    stdin: int
    stdout: int
    stderr: int

    def close(self) -> None:
        """Close all descriptors; a child that still waits ends."""
        for fd in self[1:]:
            with contextlib.suppress(OSError):
                os.close(fd)

    def execute(self, order: Order) -> None:
        """Tell the child what to execute.

        Raises:
            BrokenPipeError: It has died while it waited.
        """
        plan = {
            "argv": order.argv,
            "env": {**order.env, ENVIRONMENT: order.attempt_id},
            "cwd": order.cwd,
            "stdin": _stdin_of(order),
        }
        rest = memoryview(json.dumps(plan).encode())
        try:
            while rest:
                rest = rest[os.write(self.order, rest) :]
        finally:
            os.close(self.order)


def fork_child(brand: int, groups: Sequence[Group]) -> Child:
    """Fork a waiting child.

    Args:
        brand: What brands it (`marks.new_brand`).
        groups: Control groups to join. One that refuses is left out: the tree is then found
            by other means.
    """
    pipes = [os.pipe() for _ in range(5)]
    (stdin_r, stdin_w), (stdout_r, stdout_w), (stderr_r, stderr_w), *channels = pipes
    (order_r, order_w), (status_r, status_w) = channels
    _widen(stdout_r)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _in_child(parent, brand, groups, (stdin_r, stdout_w, stderr_w, order_r, status_w))
    for fd in (stdin_r, stdout_w, stderr_w, order_r, status_w):
        os.close(fd)
    return Child(pid, order_w, status_r, stdin_w, stdout_r, stderr_r)


def failure(status: bytes) -> str:
    """Return a child's report of why its program does not run, as a sentence."""
    step, number, subject = json.loads(status)
    return f"{step} {subject!r}: {os.strerror(number)}"


def _stdin_of(order: Order) -> str | None:
    """Return the file that the child reads, None when it reads the pipe."""
    if order.keep_stdin_open:
        return None
    return os.path.join(order.folder, layout.STDIN) if order.has_stdin else os.devnull


def _in_child(parent: int, brand: int, groups: Sequence[Group], fds: Sequence[int]) -> NoReturn:
    try:
        _become_independent(parent, fds)
        apply_brand(brand)
        for group in groups:
            with contextlib.suppress(OSError):
                group.join()
        _execute(_read_order())
    except BaseException:  # noqa: BLE001  # a forked child must never return
        os._exit(_NOT_EXECUTED)


def _become_independent(parent: int, fds: Sequence[int]) -> None:
    os.setsid()
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(_NOT_EXECUTED)  # it died before it could be noticed
    signal.set_wakeup_fd(-1)
    for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):  # some belong to the C library
            signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(_UMASK)
    # Out of the way first: the numbers may overlap with those they are to get.
    high = [os.dup(fd) for fd in fds]
    high = [_above(fd, _STATUS_FD) for fd in high]
    for number, fd in enumerate(high):
        os.dup2(fd, number, inheritable=number < _ORDER_FD)
    os.closerange(_STATUS_FD + 1, _ALL_FDS)


def _above(fd: int, lowest: int) -> int:
    while fd <= lowest:
        fd = os.dup(fd)
    return fd


def _read_order() -> dict[str, Any]:
    parts = []
    while part := os.read(_ORDER_FD, 1 << 16):
        parts.append(part)
    if not parts:
        os._exit(0)  # the supervisor had no use for this child
    plan: dict[str, Any] = json.loads(b"".join(parts))
    return plan


def _execute(plan: dict[str, Any]) -> NoReturn:
    step, subject = "open", plan["stdin"]
    try:
        if subject is not None:
            os.dup2(os.open(subject, os.O_RDONLY | os.O_CLOEXEC), 0)
        step, subject = "enter", plan["cwd"]
        os.chdir(subject)
        step, subject = "execute", plan["argv"][0]
        os.execve(subject, plan["argv"], plan["env"])
    except OSError as error:
        report = json.dumps((step, error.errno, str(subject)[: _STATUS_BYTES // 8]))
    except ValueError as error:  # a NUL byte inside
        report = json.dumps((step, 22, str(error)))
    os.write(_STATUS_FD, report.encode())
    os._exit(_NOT_EXECUTED)


def _widen(fd: int) -> None:
    """Let a burst fit into the pipe; systems bound how much of this a user may have."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
