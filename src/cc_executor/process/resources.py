"""What the machine has left, looked at by a thread of its own. Starts no process."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Final

import psutil

from cc_executor.ports.resources import Pressure, ResourceSample

_LOOK_S: Final = 2.0
_PRESSURE: Final = Path("/proc/pressure")


class SystemResources:
    """Implements `ports.resources.Resources`.

    The first look is taken before the constructor returns; from then on a thread looks every two
    seconds, so that nobody who asks ever waits for a disk or for /proc.

    Args:
        path: A directory of the file system whose free space counts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closed = threading.Event()
        psutil.cpu_percent()  # counts from here on
        self._latest = self._look()
        self._thread = threading.Thread(target=self._watch, name="resources", daemon=True)
        self._thread.start()

    def latest(self) -> ResourceSample:
        """Return the newest sample; never blocks."""
        return self._latest

    def close(self) -> None:
        """Stop looking. Doing it again changes nothing."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_S):
            with contextlib.suppress(OSError, psutil.Error):  # the last sample stays
                self._latest = self._look()

    def _look(self) -> ResourceSample:
        memory = psutil.virtual_memory()
        disk = shutil.disk_usage(self._path)
        return ResourceSample(
            at=time.time(),
            cores=os.cpu_count() or 1,
            load=os.getloadavg(),
            cpu_percent=psutil.cpu_percent(),
            memory_total_bytes=memory.total,
            memory_available_bytes=memory.available,
            swap_used_bytes=_swap_used(),
            disk_total_bytes=disk.total,
            disk_free_bytes=disk.free,
            pressure={
                resource: pressure
                for resource in ("cpu", "memory", "io")
                if (pressure := _pressure(_PRESSURE / resource)) is not None
            },
        )


def _swap_used() -> int | None:
    try:
        return int(psutil.swap_memory().used)
    except (OSError, psutil.Error, RuntimeError):
        return None


def _pressure(file: Path) -> Pressure | None:
    """Return what the kernel says, None where it says nothing.

    Source: Documentation/accounting/psi.rst; lines such as
    `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
    """
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        shares = {line.split()[0]: float(line.split()[1].removeprefix("avg10=")) for line in lines}
        return Pressure(some=shares["some"], full=shares.get("full"))
    except (OSError, LookupError, ValueError):
        return None
