"""Nudges within one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple


class _Listener(NamedTuple):
    loop: asyncio.AbstractEventLoop
    wake: Callable[[], None]


class MemoryNudges:
    """Implements `ports.nudges.Nudges`. Those that share `listeners` reach each other.

    Args:
        listeners: Who listens, by engine; None: nobody else's.
    """

    def __init__(self, listeners: dict[str, _Listener] | None = None) -> None:
        self._listeners = {} if listeners is None else listeners
        self._mine: str | None = None

    def other(self) -> MemoryNudges:
        """Return what another engine, or another caller, has."""
        return MemoryNudges(self._listeners)

    def listen(self, engine_id: str, wake: Callable[[], None]) -> None:
        """Call `wake` on the running event loop whenever somebody nudges `engine_id`."""
        self._listeners[engine_id] = _Listener(asyncio.get_running_loop(), wake)
        self._mine = engine_id

    def nudge(self, engine_id: str) -> None:
        """Wake the engine if it listens; never blocks, never fails."""
        listener = self._listeners.get(engine_id)
        if listener is not None and not listener.loop.is_closed():
            listener.loop.call_soon_threadsafe(listener.wake)

    def close(self) -> None:
        """Stop listening."""
        if self._mine is not None:
            self._listeners.pop(self._mine, None)
            self._mine = None
