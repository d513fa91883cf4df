"""Steps that read stdin and that say what this process was really given."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from typing import Final

from .stage import Stage, write_all

# Python ignores these itself when it starts; whether the parent did can no longer be seen.
_IGNORED_BY_PYTHON: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


def cat(stage: Stage) -> None:
    """Copy stdin to stdout until stdin ends."""
    while chunk := os.read(0, 1 << 16):
        write_all(1, chunk)


def read_line(stage: Stage) -> None:
    """Read one line of stdin, no byte beyond it, and write it back behind `got: `."""
    got = bytearray()
    while (byte := os.read(0, 1)) not in (b"\n", b""):
        got += byte
    write_all(1, b"got: %b\n" % bytes(got))


def report(stage: Stage) -> None:
    """Write one line of JSON about this process.

    Keys: stdin_sha256, stdin_bytes (both after reading stdin to its end), argv, arguments
    (those behind the script), env (sorted), open_fds (number to target), cwd, pid, ppid,
    pgid, sid, umask, rlimits (name to [soft, hard], -1 is unlimited), blocked_signals,
    ignored_signals.
    """
    write_all(1, json.dumps(_facts(stage)).encode() + b"\n")


def _facts(stage: Stage) -> dict[str, object]:
    import hashlib

    given = stage.stdin()
    return {
        "stdin_sha256": hashlib.sha256(given).hexdigest(),
        "stdin_bytes": len(given),
        "argv": sys.orig_argv,
        "arguments": list(stage.arguments),
        "env": dict(sorted(_environment().items())),
        "open_fds": _open_fds(),
        "cwd": os.getcwd(),
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "pgid": os.getpgrp(),
        "sid": os.getsid(0),
        "umask": _umask(),
        "rlimits": _rlimits(),
        "blocked_signals": _names(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "ignored_signals": _names(_ignored()),
    }


def _environment() -> dict[str, str]:
    """Return the environment as it was handed over.

    Python adds LC_CTYPE to its own copy when the locale is C (PEP 538), so the kernel is
    asked where it can be.
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return dict(os.environ)
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if entry)
    return {name: value for name, _, value in pairs}


def _open_fds() -> dict[str, str]:
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    targets = {}
    for name in sorted(os.listdir(folder), key=int):
        try:
            os.fstat(int(name))
        except OSError:
            continue  # the descriptor that listed the folder
        try:
            targets[name] = os.readlink(os.path.join(folder, name))
        except OSError:
            targets[name] = "unknown"
    return targets


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _rlimits() -> dict[str, list[int]]:
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    return {name: list(resource.getrlimit(getattr(resource, name))) for name in names}


def _ignored() -> set[int]:
    catchable = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - _IGNORED_BY_PYTHON
    return {signum for signum in catchable if signal.getsignal(signum) is signal.SIG_IGN}


def _names(signals: Iterable[int]) -> list[str]:
    """Real-time signals have a number and no name."""
    named = {signum.value: signum.name for signum in signal.Signals}
    return sorted(named.get(int(signum), str(int(signum))) for signum in signals)
