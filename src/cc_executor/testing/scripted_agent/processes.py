"""Steps about processes: how an agent waits, dies, refuses to die, and leaves others behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

from .stage import EXIT_BUG, STREAMS, Stage, Steps, StrPath, own_command, signal_named

_DODGE_LIFETIME_LIMIT_S: Final = 60.0
_DODGE_GENERATION_LIMIT: Final = 20_000
_PAGE_BYTES: Final = 4096


def delay(stage: Stage, for_ms: float) -> None:
    """Do nothing for `for_ms` milliseconds."""
    time.sleep(for_ms / 1000)


def spin(stage: Stage, for_ms: float) -> None:
    """Burn processor time, silently, for `for_ms` milliseconds."""
    ends_at = time.monotonic() + for_ms / 1000
    while time.monotonic() < ends_at:
        pass


def hang(stage: Stage) -> None:
    """Do nothing, at no cost, until a signal ends this process or its lifetime is over."""
    while True:
        signal.pause()


def exit_with(stage: Stage, code: int) -> NoReturn:
    """End this process with `code`."""
    os._exit(code)


def die(stage: Stage, by: str) -> None:
    """Die by the signal called `by`, as a crash would, without a core file."""
    import resource

    signum = signal_named(by)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if signum not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(signum, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
    os.kill(os.getpid(), signum)
    hang(stage)


def ignore(stage: Stage, signals: Sequence[str] = ("TERM", "INT", "HUP")) -> None:
    """Ignore `signals` from now on; children inherit it, also through exec."""
    for name in signals:
        signal.signal(signal_named(name), signal.SIG_IGN)


def on_signal(stage: Stage, name: str, steps: Steps) -> None:
    """Play `steps` each time the signal called `name` comes, then go on with what was done."""

    def answer(_signum: int, _frame: FrameType | None) -> None:
        stage.play(steps)

    signal.signal(signal_named(name), answer)


def close(stage: Stage, streams: Sequence[str] = ("stdout", "stderr")) -> None:
    """Close `streams`: their readers see the end, and this process lives on."""
    _to_null(*(STREAMS[name] for name in streams))


def memory(stage: Stage, mib: int) -> None:
    """Hold `mib` MiB more, every page of them touched, for as long as this process lives."""
    block = bytearray(mib << 20)
    block[::_PAGE_BYTES] = b"x" * len(range(0, len(block), _PAGE_BYTES))
    stage.held.append(block)


def lifeline(stage: Stage, path: StrPath = "lifeline") -> None:
    """Lock `path` for as long as this process or any descendant of it lives.

    The lock hangs on an open file that children inherit through fork and exec, whatever they
    do to their session, their parent and their environment: see `cc_executor.testing.lifeline`.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(fd, True)
    fcntl.flock(fd, fcntl.LOCK_SH)


def child(
    stage: Stage,
    steps: Steps,
    *,
    ignoring: Sequence[str] = (),
    new_session: bool = False,
    daemon: bool = False,
    clear_env: bool = False,
    stdio: str = "null",
    pid_file: StrPath | None = None,
) -> None:
    """Start a child that plays `steps`, and go on when it is set up as asked.

    Args:
        ignoring: Signals that it ignores from its first moment on.
        new_session: It leaves this session and process group.
        daemon: It does that, and forks once more, so that its parent is gone.
        clear_env: It executes itself with an empty environment: no marker finds it.
        stdio: "inherit" holds this process's streams open, "null" does not.
        pid_file: Where it writes its process id.
    """
    # The pipe closes on exec and at the child's own `os.close`: its end means "set up".
    ready, not_yet = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        try:
            if daemon or new_session:
                os.setsid()
            if daemon and os.fork():
                os._exit(0)
            stage.arm()
            _set_up(stage, ignoring, stdio, pid_file)
            if clear_env:
                _execute_without_environment(stage, steps)
            os.close(not_yet)
            stage.play(steps)
        except BaseException:  # noqa: BLE001  # a forked child must never return
            traceback.print_exc()
            os._exit(EXIT_BUG)
        os._exit(0)
    os.close(not_yet)
    if daemon:
        os.waitpid(pid, 0)
    os.read(ready, 1)
    os.close(ready)


def dodge(
    stage: Stage,
    *,
    interval_ms: float = 5.0,
    max_generations: int = 10_000,
    lifetime_s: float = 60.0,
    new_session: bool = True,
) -> NoReturn:
    """Replace this process by a child of its own every `interval_ms`: no process id lasts.

    Bounded, whatever is asked: 60 s, 20,000 generations, one process at a time.
    """
    stage.ends_at = min(stage.ends_at, time.monotonic() + min(lifetime_s, _DODGE_LIFETIME_LIMIT_S))
    for _ in range(min(max_generations, _DODGE_GENERATION_LIMIT)):
        if time.monotonic() >= stage.ends_at or os.fork():
            break
        stage.arm()
        if new_session:
            os.setsid()
        time.sleep(interval_ms / 1000)
    os._exit(0)


def _set_up(stage: Stage, ignoring: Sequence[str], stdio: str, pid_file: StrPath | None) -> None:
    ignore(stage, ignoring)
    if stdio == "null":
        _to_null(0, 1, 2)
    if pid_file is not None:
        _write_pid(pid_file)


def _execute_without_environment(stage: Stage, steps: Steps) -> NoReturn:
    options = ("--lifetime-s", f"{stage.remaining_s:.3f}", "--inline", json.dumps(steps))
    os.execve(sys.executable, own_command(*options), {})


def _to_null(*fds: int) -> None:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in fds:
        os.dup2(null, fd)
    os.close(null)


def _write_pid(path: StrPath) -> None:
    """Write it whole or not at all: whoever waits for the file reads it at once."""
    unfinished = f"{os.fspath(path)}.{os.getpid()}"
    with open(unfinished, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    os.replace(unfinished, path)
