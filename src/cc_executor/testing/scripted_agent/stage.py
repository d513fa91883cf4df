"""What one playing process knows, and the bound on its life."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn, TypeAlias

Step: TypeAlias = Mapping[str, object]
Steps: TypeAlias = Sequence[Step]
StrPath: TypeAlias = "str | os.PathLike[str]"
Play: TypeAlias = Callable[["Stage", Steps], None]

STREAMS: Final[Mapping[str, int]] = {"stdin": 0, "stdout": 1, "stderr": 2}

DEFAULT_LIFETIME_S: Final = 300.0
LIFETIME_VARIABLE: Final = "SCRIPTED_AGENT_LIFETIME_S"

EXIT_USAGE: Final = 64  # sysexits(3)
EXIT_NOTHING_CAME: Final = 65
EXIT_BUG: Final = 70


class ScriptError(Exception):
    """The script cannot be played: an unknown step, or parameters that do not fit it."""


class Stage:
    """State of one playing process; a forked child plays on a copy of it.

    Args:
        arguments: What stood behind the script on the command line.
        ends_at: Monotonic instant, in seconds, at which this process is ended.
        play: Plays steps; steps that contain steps call it.
        stdin: What was read of it already, to its end; None when nothing was.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        ends_at: float,
        play: Play,
        stdin: bytes | None = None,
    ) -> None:
        self.arguments = tuple(arguments)
        self.ends_at = ends_at
        self.held: list[object] = []
        self.claude_session_id: str | None = None
        self._play = play
        self._stdin = stdin

    def play(self, steps: Steps) -> None:
        """Play `steps` on this stage."""
        self._play(self, steps)

    def stdin(self) -> bytes:
        """Return all of stdin; the first call reads it to its end."""
        if self._stdin is None:
            self._stdin = b"".join(iter(lambda: os.read(0, 1 << 16), b""))
        return self._stdin

    @property
    def remaining_s(self) -> float:
        """Seconds left to live, never zero: a zero would disarm the alarm."""
        return max(self.ends_at - time.monotonic(), 0.001)

    def arm(self) -> None:
        """Have the kernel end this process when its time is over.

        Interval timers are not inherited by a forked child: each process arms its own. The
        default action is used, not a handler: it works inside any system call and in C code.
        """
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, self.remaining_s)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, unbuffered, in as few system calls as the reader allows."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def give_up(code: int, reason: str) -> NoReturn:
    """End this process with `code` and a line on stderr that says why."""
    write_all(2, f"scripted_agent: {reason}\n".encode("utf-8", "backslashreplace"))
    os._exit(code)


def signal_named(name: str) -> signal.Signals:
    """Return the signal called `name`, with or without its SIG.

    Raises:
        ScriptError: There is none.
    """
    try:
        return signal.Signals["SIG" + name.upper().removeprefix("SIG")]
    except KeyError:
        raise ScriptError(f"no signal is called {name!r}") from None


def own_command(*options: str) -> list[str]:
    """Return the argv that starts this program again with `options`."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    return [sys.executable, "-I", "-S", program, *options]
