"""What this machine offers to hold a tree of processes, for people who ask."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from cc_executor.process import cgroup, guard, kernel_limits

_CLASSES: Final = {
    cgroup.CGROUP: "control group, version 2: frozen and killed at one instant",
    cgroup.FREEZER: "control group, version 1 (freezer): frozen, then killed",
    cgroup.SCAN: "repeated scans of descendants and marks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainmentClass:
    """One way to hold a tree.

    Attributes:
        name: As `Launch.containment` has it.
        description: A phrase for people.
        gap: Why it cannot be used here; empty when it can.
    """

    name: str
    description: str
    gap: str

    @property
    def is_usable(self) -> bool:
        """Whether attempts on this machine can be held in this way."""
        return not self.gap


def containment_report() -> tuple[ContainmentClass, ...]:
    """Return all classes, the best first; the first usable one is what attempts get.

    Each is tried out, which takes some ten milliseconds. Blocking (files, a fork).
    """
    gaps = {place.kind: cgroup.gap(place) for place in cgroup.places()}
    scan = "" if sys.platform == "linux" else "no /proc: only the child's own session is found"
    return tuple(
        ContainmentClass(
            name=name,
            description=description,
            gap=scan if name == cgroup.SCAN else gaps.get(name, "its hierarchy is not mounted"),
        )
        for name, description in _CLASSES.items()
    )


def limit_keepers() -> dict[str, str]:
    """Return who keeps each limit of an attempt here, in the words of `Executed.enforcement`.

    Each is tried out. Blocking (files, a fork).
    """
    looks = guard.POLL if sys.platform == "linux" else ""
    group = next((one for one in cgroup.places() if not cgroup.gap(one)), None)
    offered = kernel_limits.offered(group) if group is not None else frozenset()
    counter = kernel_limits.counter_place()
    counts = "pids.max" in offered or (counter is not None and kernel_limits.can_count(counter))
    return {
        "memory": guard.KERNEL if "memory.max" in offered else looks,
        "processes": guard.KERNEL if counts else looks,
        "file_size": guard.RLIMIT,
        "output": guard.SUPERVISOR,
        "disk": guard.POLL,
        "files": guard.POLL,
    }
