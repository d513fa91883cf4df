"""What marks every process of an attempt, so that it can be found when its supervisor is dead.

Three marks, each with its own hole; together they leave none that was found:

- the environment variable `CC_EXECUTOR_MARK`; gone when a program clears its environment;
- the brand, a number in the soft limit RLIMIT_RTTIME: inherited through every fork and exec, new
  sessions and cleared environments included. The limit itself means something only to real-time
  scheduling, and the number is years of microseconds;
- the control group, where there is a writable one.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Iterator
from typing import Final

#: For the child itself, and for people: the id of the attempt that it is.
ATTEMPT_VARIABLE: Final = "CC_EXECUTOR_ATTEMPT"
#: What processes are found by. Ids of attempts are unique in one state directory only.
MARK_VARIABLE: Final = "CC_EXECUTOR_MARK"
#: What supervisors call themselves, for who looks at processes.
NAME: Final = b"cc-supervisor"
_SMALLEST: Final = 1 << 52  # 142 years
_LIMITS_LINE: Final = b"Max realtime timeout"


def new_brand() -> int:
    """Return a fresh brand, unique as far as 48 random bits are."""
    return _SMALLEST + int.from_bytes(os.urandom(6), "big")


@contextlib.contextmanager
def branded(brand: int) -> Iterator[None]:
    """Brand this process for a moment: what is started in it bears the brand for ever."""
    if sys.platform != "linux":
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    if hard != resource.RLIM_INFINITY:  # no room for a brand: the other marks remain
        yield
        return
    resource.setrlimit(resource.RLIMIT_RTTIME, (brand, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_RTTIME, (soft, hard))


def variables(attempt_id: str, brand: int) -> dict[str, str]:
    """Return what marks a child in its environment."""
    return {ATTEMPT_VARIABLE: attempt_id, MARK_VARIABLE: f"{brand:x}"}


def bears(pid: int, brand: int) -> bool:
    """Return whether process `pid` bears the brand. A process that is gone does not."""
    return _has_limit(pid, brand) or _has_variable(pid, brand)


def _has_limit(pid: int, brand: int) -> bool:
    for line in _read(f"/proc/{pid}/limits").splitlines():
        if line.startswith(_LIMITS_LINE):
            return line[len(_LIMITS_LINE) :].split()[:1] == [b"%d" % brand]
    return False


def _has_variable(pid: int, brand: int) -> bool:
    wanted = f"{MARK_VARIABLE}={brand:x}".encode()
    environment = _read(f"/proc/{pid}/environ")
    return environment.startswith(wanted + b"\0") or b"\0" + wanted + b"\0" in environment


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""  # gone, or another user's
    try:
        parts = []
        while part := os.read(fd, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(fd)
