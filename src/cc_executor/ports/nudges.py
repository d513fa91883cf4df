"""Waking the engine that owns an execution, across processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Nudges(Protocol):
    """A nudge carries nothing: whoever gets one looks into the store. Losing one costs time only."""

    def listen(self, engine_id: str, wake: Callable[[], None]) -> None:
        """Call `wake` on the running event loop whenever somebody nudges `engine_id`."""
        ...

    def nudge(self, engine_id: str) -> None:
        """Wake the engine if it lives; never blocks, never fails. From any thread."""
        ...

    def close(self) -> None:
        """Stop listening. Doing it again changes nothing."""
        ...
