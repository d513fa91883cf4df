"""What the tests of real processes share."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from cc_executor.journal import crash_points, layout
from cc_executor.journal.reader import FileJournalReader
from cc_executor.model.launch import Launch, StopRung, Timers
from cc_executor.process import cgroup
from cc_executor.testing.scripted_agent import Script

BOUND_S: Final = 20.0
USABLE: Final = tuple(place.kind for place in cgroup.places() if not cgroup.gap(place))
#: Every class of containment that this machine has.
CLASSES: Final = (*USABLE, cgroup.SCAN)
QUICK_LADDER: Final = (
    StopRung(action="terminate", grace_s=0.3),
    StopRung(action="kill", grace_s=10.0),
)


def launch(
    script: Script | tuple[str, ...],
    folder: Path,
    *,
    attempt_id: str = "exec.1.1",
    env: Mapping[str, str] | None = None,
    timers: Timers | None = None,
    **more: Any,
) -> Launch:
    """Return the launch of a script or a command, in a workspace beside the attempt's folder."""
    workspace = folder.parent / "workspace"
    workspace.mkdir(exist_ok=True)
    argv = (
        script.argv(folder=folder.parent, lifetime_s=60) if isinstance(script, Script) else script
    )
    more.setdefault("ladder", QUICK_LADDER)
    return Launch(
        attempt_id=attempt_id,
        argv=tuple(argv),
        env={} if env is None else env,
        cwd=str(workspace),
        timers=timers or Timers(orphan_grace_s=30),
        **more,
    )


def captured(folder: Path, stream: str | None = None) -> bytes:
    """Return what the journal holds: of one stream, or of both as it came."""
    return b"".join(data for name, data in chunks(folder) if stream in (None, name))


def chunks(folder: Path) -> list[tuple[str, bytes]]:
    """Return the journal's records."""
    try:
        reader = FileJournalReader(folder)
    except FileNotFoundError:
        return []
    found: list[tuple[str, bytes]] = []
    try:
        while batch := reader.read(after_seq=len(found) - 1, max_bytes=1 << 20):
            found += [(chunk.stream, chunk.data) for chunk in batch]
    finally:
        reader.close()
    return found


def report(folder: Path) -> dict[str, Any]:
    """Return what a `report` step said."""
    found: dict[str, Any] = json.loads(captured(folder, "stdout"))
    return found


async def until(condition: Callable[[], object], *, within_s: float = BOUND_S) -> None:
    """Return as soon as the condition holds.

    Raises:
        AssertionError: It did not within the bound.
    """
    gives_up_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < gives_up_at, "it never came to be"
        await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Return whether this process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def state_of(pid: int) -> str:
    """Return the state letter of a process in /proc."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


class Peer:
    """A watcher that speaks to a supervisor's control socket itself."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._lines = stream.makefile("rb")

    def say(self, **message: Any) -> None:
        """Send one line."""
        self.stream.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any] | None:
        """Return the next line; None when the supervisor has hung up."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def ask(self, **message: Any) -> dict[str, Any]:
        """Send a command and return its answer; news in between is dropped."""
        self.say(id=7, **message)
        while (answer := self.hear()) is not None:
            if "id" in answer:
                return answer
        raise AssertionError("the supervisor hung up")


@contextmanager
def peer(folder: Path) -> Iterator[Peer]:
    """Yield a connection to the control socket of a running attempt."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(BOUND_S)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            stream.connect(f"/proc/self/fd/{descriptor}/{layout.CONTROL}")
        finally:
            os.close(descriptor)
        yield Peer(stream)


@contextmanager
def engine(
    what: str, folder: Path, ordered: Launch | None = None, *, crash_at: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield an engine in a process of its own that starts or adopts an attempt."""
    program = Path(__file__).with_name("engine_process.py")
    more = () if ordered is None else (msgspec.json.encode(ordered).decode(),)
    process = subprocess.Popen(
        (sys.executable, str(program), what, str(folder), *more),
        stdout=subprocess.PIPE,
        env={**os.environ, crash_points.VARIABLE: crash_at},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def says(process: subprocess.Popen[bytes], word: str) -> None:
    """Wait for an engine to say this word."""
    assert process.stdout is not None
    assert process.stdout.readline().decode().strip() == word
