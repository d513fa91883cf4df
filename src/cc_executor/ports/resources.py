"""What the machine has left, as the engine asks for it."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Pressure(msgspec.Struct, frozen=True, kw_only=True):
    """Share of the last ten seconds in which something waited, 0 to 100. Source: Linux PSI."""

    some: float
    full: float | None = None


class ResourceSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the machine. What could not be found out is None, never 0.

    Attributes:
        at: Seconds since the epoch, UTC.
        load: Runnable processes, averages over 1, 5 and 15 minutes.
        disk_free_bytes: Of the file system that holds the state directory.
        pressure: By resource: `cpu`, `memory`, `io`; empty where the kernel does not tell.
    """

    at: float
    cores: int
    load: tuple[float, float, float] | None = None
    cpu_percent: float | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    swap_used_bytes: int | None = None
    disk_total_bytes: int | None = None
    disk_free_bytes: int | None = None
    pressure: dict[str, Pressure] = {}


class Resources(Protocol):
    """Looks at the machine again and again, in a thread of its own."""

    def latest(self) -> ResourceSample:
        """Return the newest sample; never blocks, at most a few seconds old."""
        ...

    def close(self) -> None:
        """Stop looking. Calling it again does nothing. Blocking, for a second at most."""
        ...
