"""Finding and ending every process of an attempt, whatever it did to get away.

Two situations. A living supervisor is the *subreaper* of its tree: whatever loses its parent
becomes its child, so the tree is gone exactly when `waitpid` says that there is no child left, a
proof that no scan can give. After its death the tree is found by its marks (`marks`), its
control group, and everything that descends from what was found.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, NamedTuple

from cc_executor.process.marks import bears

_FIRST_PAUSE_S: Final = 0.0005
_LONGEST_PAUSE_S: Final = 0.02
#: A scan sees one process after the other, not all at one instant: one empty scan is no proof.
_EMPTY_SCANS: Final = 3
_DEAD: Final = b"ZX"
_STOPPED: Final = b"Tt"


class Process(NamedTuple):
    """One process at one moment. `started` tells it from a later one with the same id."""

    pid: int
    parent: int
    started: int
    state: int

    @property
    def is_dead(self) -> bool:
        """Whether it only waits to be reaped."""
        return self.state in _DEAD

    @property
    def is_stopped(self) -> bool:
        """Whether it is stopped by a signal."""
        return self.state in _STOPPED


class Swept(NamedTuple):
    """What a sweep did.

    Attributes:
        killed: Ids of the processes that were alive and were sent SIGKILL.
        survivors: Process ids that were still there at the end of the bound.
    """

    killed: frozenset[int]
    survivors: tuple[int, ...] = ()


def look(pid: int) -> Process | None:
    """Return process `pid` as it is now, None when it is gone or this system has no /proc."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        raw = os.read(fd, 1024)
    except OSError:
        return None
    finally:
        os.close(fd)
    fields = raw[raw.rindex(b")") + 2 :].split()  # the name before may hold anything
    return Process(pid, int(fields[1]), int(fields[19]), fields[0][0])


def everybody() -> Iterator[Process]:
    """Yield every process, the youngest ids first: those are the ones that run away."""
    if not os.path.isdir("/proc/self"):
        return
    for pid in sorted(
        (int(name) for name in os.listdir("/proc") if name.isdecimal()), reverse=True
    ):
        process = look(pid)
        if process is not None:
            yield process


def descendants(roots: Collection[int], among: Iterable[Process]) -> list[Process]:
    """Return what descends from the processes with these ids, without themselves."""
    children: dict[int, list[Process]] = {}
    for process in among:
        children.setdefault(process.parent, []).append(process)
    found: dict[int, Process] = {}
    waiting = list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.pid not in found:
                found[child.pid] = child
                waiting.append(child.pid)
    return list(found.values())


def send(process: Process, number: int) -> bool:
    """Send a signal to exactly this process, not to a later one with its id.

    Returns:
        Whether it was there and could be signalled.
    """
    if sys.platform != "linux":
        return _kill(process.pid, number)
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        now = look(process.pid)
        if now is None or now.started != process.started:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def kill_below(root: int, *, reap: Callable[[], bool], within_s: float) -> Swept:
    """Kill everything that descends from this process, which must be a subreaper.

    Args:
        root: Id of the calling process.
        reap: Reaps what has ended; returns whether any child is left.
        within_s: Bound.
    """
    killed: set[tuple[int, int]] = set()
    for _ in pauses(within_s):
        if not reap():
            return Swept(_ids(killed))
        killed.update(_kill_once_below(root))
    left = tuple(process.pid for process in descendants((root,), everybody()))
    return Swept(_ids(killed), left if reap() else ())


def kill_marked(brand: int, *, within_s: float) -> Swept:
    """Kill everything that bears the brand, and everything that descends from that.

    For a tree whose supervisor is dead. The calling process is left out.
    """
    killed: set[tuple[int, int]] = set()
    found: list[Process] = []
    empty = 0
    for _ in pauses(within_s):
        found = []
        for process in marked(brand):  # killed as soon as found: some live for milliseconds only
            found.append(process)
            if send(process, signal.SIGKILL):
                killed.add((process.pid, process.started))
        empty = 0 if found else empty + 1
        if empty == _EMPTY_SCANS:
            return Swept(_ids(killed))
    return Swept(_ids(killed), tuple(one.pid for one in found))


def marked(brand: int) -> Iterator[Process]:
    """Yield what bears the brand, then what descends from it, without the calling process."""
    me = os.getpid()
    table: list[Process] = []
    found: list[int] = []
    for process in everybody():
        if process.is_dead or process.pid == me:
            continue
        table.append(process)
        if bears(process.pid, brand):
            found.append(process.pid)
            yield process
    yield from (one for one in descendants(found, table) if one.pid not in found)


def stop_below(root: int, spared: Collection[int], *, within_s: float) -> list[Process]:
    """Stop (SIGSTOP) everything that descends from `root`, until nothing of it runs.

    Args:
        spared: Ids that are frozen in another way.

    Returns:
        What was stopped here, so that only that is continued later.
    """
    stopped: dict[tuple[int, int], Process] = {}
    quiet = 0
    for _ in pauses(within_s):
        running = [
            process
            for process in descendants((root,), everybody())
            if not (process.is_dead or process.is_stopped or process.pid in spared)
        ]
        quiet = 0 if running else quiet + 1
        if quiet == _EMPTY_SCANS:
            break
        for process in running:
            if send(process, signal.SIGSTOP):
                stopped[process.pid, process.started] = process
    return list(stopped.values())


def resume(processes: Iterable[Process]) -> None:
    """Continue what `stop_below` has stopped."""
    for process in processes:
        send(process, signal.SIGCONT)


def _kill_once_below(root: int) -> list[tuple[int, int]]:
    killed: list[tuple[int, int]] = []
    table: list[Process] = []
    for process in everybody():
        # Children at once, while their line in /proc is warm: some live for milliseconds only.
        # An id of ours cannot be another's before we have reaped it.
        if process.parent == root and not process.is_dead and _kill(process.pid, signal.SIGKILL):
            killed.append((process.pid, process.started))
        table.append(process)
    killed.extend(
        (process.pid, process.started)
        for process in descendants((root,), table)
        if process.parent != root and not process.is_dead and send(process, signal.SIGKILL)
    )
    return killed


def _ids(processes: Iterable[tuple[int, int]]) -> frozenset[int]:
    return frozenset(pid for pid, _ in processes)


def _kill(pid: int, number: int) -> bool:
    with contextlib.suppress(OSError):
        os.kill(pid, number)
        return True
    return False


def pauses(within_s: float) -> Iterator[None]:
    """Yield at once, then again after ever longer pauses, until the bound."""
    gives_up_at = time.monotonic() + within_s
    pause_s = _FIRST_PAUSE_S
    while True:
        yield
        if time.monotonic() >= gives_up_at:
            return
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
