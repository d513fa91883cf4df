"""Time, as the engine asks for it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Where instants come from. Waiting is not its business: every wait is for an event."""

    def now_s(self) -> float:
        """Return seconds since the epoch, UTC."""
        ...

    def entropy(self, count: int) -> bytes:
        """Return `count` random bytes: ids are made of an instant and chance."""
        ...
