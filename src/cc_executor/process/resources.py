"""What the machine has left, looked at again and again in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from cc_executor.ports.resources import ResourceSample
from cc_executor.process.machine import Machine, cores

_log = logging.getLogger(__name__)

EVERY_S: Final = 2.0

#: A sample that is older is not shown any more: a file system that hangs keeps the thread from
#: looking, and what was free then says nothing.
_STALE_S: Final = 10.0

_CLOSE_LIMIT_S: Final = 1.0


class _Seen(NamedTuple):
    sample: ResourceSample
    at: float  # by the monotonic clock: the other one may be set


class SystemResources:
    """Implements `ports.resources.Resources` with what the operating system tells.

    Starts no program. Looks once before it returns: blocking, so make it in a thread.

    Args:
        path: The directory whose free space counts.
        every_s: Time between two looks.
        look: Looks; None: at this machine.
    """

    def __init__(
        self,
        path: Path,
        *,
        every_s: float = EVERY_S,
        look: Callable[[float], ResourceSample] | None = None,
    ) -> None:
        self._look = look or Machine(str(path)).look
        self._every_s = every_s
        self._seen = self._seen_now()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="resources", daemon=True)
        self._thread.start()

    def latest(self) -> ResourceSample:
        """Return the newest sample; never blocks.

        When none could be taken for 10 s, what it would say is unknown.
        """
        seen = self._seen
        if time.monotonic() - seen.at > _STALE_S:
            return ResourceSample(at=seen.sample.at, cores=cores())
        return seen.sample

    def close(self) -> None:
        """Stop looking. Calling it again does nothing."""
        self._closing.set()
        self._thread.join(_CLOSE_LIMIT_S)  # it may hang in a look

    def _watch(self) -> None:
        failed = False
        while not self._closing.wait(self._every_s):
            try:
                self._seen = self._seen_now()
                failed = False
            except Exception:  # noqa: BLE001 - samples get stale, which is shown; the next may be good
                if not failed:
                    _log.exception("looking at the machine failed")
                failed = True

    def _seen_now(self) -> _Seen:
        return _Seen(self._look(time.time()), time.monotonic())
