"""The limits of one attempt: who keeps each, and what shows that one was reached.

A limit counts as reached on evidence only: a figure that was measured, or a count of the kernel's.
A death by SIGKILL alone says nothing.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable
from typing import Final

from cc_executor.process.cgroup import Place
from cc_executor.process.containment import Containment
from cc_executor.process.kernel_limits import (
    TaskCounter,
    bound,
    count,
    file_size_bounded,
    new_counter,
    write,
)
from cc_executor.process.meter import DISK, FILE_SIZE, FILES, MEMORY, PROCESSES, Breach, Meter
from cc_executor.process.meter import Place as Written
from cc_executor.process.order import Order

OUTPUT: Final = "output"
#: Who keeps a limit, in the words of `model.outcomes.Executed.enforcement`.
KERNEL: Final = "cgroup"
RLIMIT: Final = "rlimit"
POLL: Final = "poll"
SUPERVISOR: Final = "supervisor"

_SCRATCH: Final = "scratch"


class Guard:
    """Keeps the limits of one attempt, from before its child exists until its tree is gone.

    Args:
        order: What is run, and its bounds.
        containment: Hold on its tree.
        counters: Where task counters of version 1 may be made; None: nowhere.
        selector: The event loop.
        on_breach: Called in the loop, once.
    """

    def __init__(
        self,
        order: Order,
        containment: Containment,
        counters: Place | None,
        selector: selectors.BaseSelector,
        on_breach: Callable[[Breach], None],
    ) -> None:
        self.peak_bytes = 0
        self.enforcement: dict[str, str] = {}
        self._order = order
        self._bounds = order.bounds
        self._containment = containment
        self._counters = counters
        self._counter: TaskCounter | None = None
        self._selector = selector
        self._on_breach = on_breach
        self._breach: Breach | None = None
        self._meter: Meter | None = None
        self._wakeup: tuple[int, int] | None = None
        self._before = (0, 0)
        self.is_stuck = False

    def starting(self) -> contextlib.AbstractContextManager[None]:
        """Set what the kernel keeps; the child is to be started inside what is returned."""
        group, bounds = self._containment.group, self._bounds
        kept = {
            MEMORY: bound(group, "memory.max", bounds.memory_bytes),
            PROCESSES: bound(group, "pids.max", bounds.processes),
        }
        if kept[PROCESSES]:
            self._counters = None
        self._before = self._counts()
        limits = (
            (MEMORY, bounds.memory_bytes, KERNEL if kept[MEMORY] else POLL),
            (PROCESSES, bounds.processes, KERNEL if kept[PROCESSES] else POLL),
            (FILE_SIZE, bounds.file_size_bytes, RLIMIT),
            (OUTPUT, self._order.output_limit_bytes, SUPERVISOR),
            (DISK, bounds.disk_bytes, POLL),
            (FILES, bounds.files, POLL),
        )
        self.enforcement = {name: how for name, limit, how in limits if limit is not None}
        return file_size_bounded(bounds.file_size_bytes)

    def started(self, started_at: float) -> None:
        """Watch a child that runs since this instant (seconds since the epoch)."""
        if not any(limit is not None for limit in self._bounds):
            return
        order = self._order
        folders = (order.cwd, os.path.join(order.folder, _SCRATCH))
        bounds = self._bounds
        if self.enforcement.get(MEMORY) == KERNEL:
            bounds = bounds._replace(memory_bytes=None)
            # All of it or nothing: half of an agent is no agent. This process must be out of it.
            self._containment.leave()
            write(getattr(self._containment.group, "path", ""), "memory.oom.group", "1")
        self._wakeup = os.pipe()
        self._selector.register(self._wakeup[0], selectors.EVENT_READ, self._tell)
        self._meter = Meter(
            bounds,
            Written(folders, _executions(order.folder), started_at),
            members=self._members,
            also=self._told_by_kernel,
            on_breach=self._found,
        )
        self._meter.start()

    def close(self, status: int | None) -> Breach | None:
        """Let go of everything, when the tree is gone; return the limit that was reached, if any.

        Args:
            status: Wait status of the child, None when nobody knows.
        """
        meter, self._meter = self._meter, None
        if meter is not None:
            # Who may not write on often says so and exits: the file tells why.
            thorough = bool(status) and self._bounds.file_size_bytes is not None
            self.peak_bytes = meter.peak_bytes
            self.is_stuck = not meter.close(thorough=thorough)
        if self._wakeup is not None:
            readable, writable = self._wakeup
            self._wakeup = None
            self._selector.unregister(readable)
            os.close(readable)
            os.close(writable)
        breach = self._breach or self._told_by_kernel() or self._told_by_signal(status)
        if self._counter is not None:
            self._counter.remove()
            self._counter = None
        return breach

    # --- in the thread of the meter ---------------------------------------------------------------

    def _members(self) -> list[int]:
        """Return the processes of the tree; have the kernel count those it did not count yet."""
        pids = self._containment.members()
        limit = self._bounds.processes
        if limit is None or self._counters is None:
            return pids
        if self._counter is None:
            self._counter = new_counter(self._counters)
            if not bound(self._counter, "pids.max", limit):
                self._counters = None  # it cannot be done here: measuring does
                return pids
            self.enforcement[PROCESSES] = KERNEL
        if self._counter is not None:
            self._counter.admit(set(pids) - set(self._counter.members()))
        return pids

    def _found(self, breach: Breach) -> None:
        self._breach = breach
        if self._wakeup is not None:
            with contextlib.suppress(OSError):
                os.write(self._wakeup[1], b"!")

    # --- evidence ---------------------------------------------------------------------------------

    def _tell(self, _mask: int) -> None:
        if self._wakeup is not None and os.read(self._wakeup[0], 1) and self._breach is not None:
            self._on_breach(self._breach)

    def _told_by_kernel(self) -> Breach | None:
        killed, refused = (
            now - then for now, then in zip(self._counts(), self._before, strict=True)
        )
        bounds = self._bounds
        if bounds.memory_bytes is not None and killed > 0:
            allowed = f"{bounds.memory_bytes / (1 << 20):,.1f} MiB"
            return Breach(MEMORY, f"the kernel has ended it: no more than {allowed} are allowed")
        if bounds.processes is not None and refused > 0:
            problem = f"the kernel refused a new one; {bounds.processes} are allowed"
            return Breach(PROCESSES, problem)
        return None

    def _counts(self) -> tuple[int, int]:
        """Return how often the kernel has killed for memory, and refused a process or thread."""
        group = self._containment.group
        refused = count(group, "pids.events", "max") + count(self._counter, "pids.events", "max")
        return count(group, "memory.events", "oom_kill"), refused

    def _told_by_signal(self, status: int | None) -> Breach | None:
        limit_bytes = self._bounds.file_size_bytes
        is_cut = (
            status is not None
            and os.WIFSIGNALED(status)
            and (os.WTERMSIG(status) == signal.SIGXFSZ)
        )
        if limit_bytes is None or not is_cut:
            return None
        allowed = f"{limit_bytes / (1 << 20):,.1f} MiB"
        return Breach(FILE_SIZE, f"it wrote on at the end of a file of {allowed} (SIGXFSZ)")


def _executions(folder: str) -> str:
    """Return where all attempts have their folders: what they print has a limit of its own."""
    return os.path.normpath(os.path.join(folder, "..", "..", ".."))
