"""The program as it is installed: real processes, a state directory of each test's own."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

BOUND_S: Final = 30.0
_POLL_S: Final = 0.02

#: Prints `ready`, waits for the file `go`, prints `done`. It ends by itself after a minute.
WAITER: Final = """\
import pathlib, sys, time
print("ready", flush=True)
ends_at = time.monotonic() + 60
while not pathlib.Path("go").exists() and time.monotonic() < ends_at:
    time.sleep(0.01)
print("done", flush=True)
"""


class Program:
    """`cc-executor` with an environment made from nothing.

    Attributes:
        workspace: Its current directory.
        environ: All that it sees.
    """

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.environ = {
            "HOME": str(folder),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "CC_EXECUTOR_HOME": str(folder / "state"),
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command line to its end."""
        return subprocess.run(
            self.argv(*arguments),
            input=stdin,
            env=self.environ,
            cwd=self.workspace,
            capture_output=True,
            timeout=BOUND_S,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command line; what still runs at the end of the test is killed."""
        started = subprocess.Popen(
            self.argv(*arguments),
            env=self.environ,
            cwd=self.workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._started.append(started)
        return started

    def json(self, *arguments: str) -> Any:
        """Return what a command line prints as JSON."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def argv(self, *arguments: str) -> list[str]:
        """Return the whole argv."""
        return [sys.executable, "-m", "cc_executor", *arguments]

    def waiter(self) -> list[str]:
        """Return a program that waits for `release`."""
        return ["--command", "--", sys.executable, "-c", WAITER]

    def release(self) -> None:
        """Let the waiters end."""
        (self.workspace / "go").touch()

    def only_execution(self) -> dict[str, Any]:
        """Return the only execution there is."""
        [found] = self.json("ps", "--all")
        assert isinstance(found, dict)
        return found

    def at_work(self) -> list[int]:
        """Return the processes that work in the workspace, without the command lines started."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (entry / "cwd").readlink().is_relative_to(self.workspace):
                        found.append(int(entry.name))
        return [pid for pid in found if pid not in {process.pid for process in self._started}]

    def close(self) -> None:
        """Kill and reap what a failed test has left, and let detached waiters end."""
        with contextlib.suppress(FileNotFoundError):
            self.release()
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=BOUND_S)


def until(true: Callable[[], Any], what: str) -> Any:
    """Return the first true value; fail when there is none within the bound."""
    gives_up_at = time.monotonic() + BOUND_S
    while time.monotonic() < gives_up_at:
        if value := true():
            return value
        time.sleep(_POLL_S)
    raise AssertionError(f"not within {BOUND_S:g} s: {what}")


def read_until(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """Return what the process has printed on stdout when `text` is in it."""
    assert process.stdout is not None
    descriptor, got = process.stdout.fileno(), b""
    gives_up_at = time.monotonic() + BOUND_S
    while text not in got:
        left_s = gives_up_at - time.monotonic()
        ready, _, _ = select.select([descriptor], [], [], max(left_s, 0))
        piece = os.read(descriptor, 1 << 16) if ready else b""
        if not piece:
            process.kill()
            raise AssertionError(
                f"{text!r} did not come: {got!r} {process.stderr and process.stderr.read()!r}"
            )
        got += piece
    return got


def on_a_terminal(
    program: Program, *arguments: str, react: Mapping[bytes, Callable[[bytes], bytes]]
) -> tuple[int, bytes]:
    """Run a command line on a terminal of 100 by 30; return how it exited, and all it has shown.

    Args:
        program: The program.
        arguments: The command line.
        react: By a text, what is done once when it appears: it is given what was shown so far, and
            returns the keys that are pressed.
    """
    environ = {**program.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(program.workspace)
        os.execve(sys.executable, program.argv(*arguments), environ)  # noqa: S606 - an argv list
    waiting, shown = dict(react), b""
    gives_up_at = time.monotonic() + BOUND_S
    while True:
        ready, _, _ = select.select([terminal], [], [], max(gives_up_at - time.monotonic(), 0))
        try:
            piece = os.read(terminal, 1 << 16) if ready else b""
        except OSError:  # the other side is closed
            break
        if not piece:
            os.kill(pid, signal.SIGKILL)
            break
        shown += piece
        for text in [text for text in waiting if text in shown]:
            os.write(terminal, waiting.pop(text)(shown))
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    """Return the exit code, stdout and stderr of a process when it has ended."""
    out, err = process.communicate(timeout=BOUND_S)
    return process.returncode, out, err


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Send Ctrl-C's signal."""
    process.send_signal(signal.SIGINT)
