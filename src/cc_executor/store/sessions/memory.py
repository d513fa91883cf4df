"""Sessions that end with the process: for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cc_executor.errors import SessionsUnavailable
from cc_executor.model.sessions import Terms
from cc_executor.ports.clock import Clock
from cc_executor.store.sessions.base import Kept, Shelf, ShelfSessions

_Answer = TypeVar("_Answer")


class MemoryShelf:
    """Implements `Shelf` in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Kept, float]] = {}

    def get(self, session_id: str) -> Kept | None:
        """Return what is kept under this id."""
        found = self._kept.get(session_id)
        return found[0] if found else None

    def put(self, kept: Kept, *, ends_at: float) -> None:
        """Keep a session."""
        self._kept[kept.session.id] = kept, ends_at

    def drop(self, session_id: str) -> None:
        """Forget a session."""
        del self._kept[session_id]

    def count(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def count_live(self, now_s: float) -> int:
        """Return how many are live."""
        return sum(kept.session.is_live(now_s) for kept, _ in self._kept.values())

    def first_idle(self, now_s: float) -> str | None:
        """Return the idle one that ends first."""
        idle = [
            (ends_at, session_id)
            for session_id, (kept, ends_at) in self._kept.items()
            if not kept.session.is_live(now_s)
        ]
        return min(idle)[1] if idle else None

    def drop_ended(self, now_s: float) -> int:
        """Forget all that have ended."""
        ended = [one for one, (_, ends_at) in self._kept.items() if ends_at <= now_s]
        for session_id in ended:
            del self._kept[session_id]
        return len(ended)


class MemorySessions(ShelfSessions):
    """Implements `ports.sessions.Sessions` in the process; belongs to one event loop.

    Args:
        terms: What sessions are bound by.
        clock: The time.
        shelf: Where they are; several instances may share one. None: a new one.
    """

    def __init__(self, terms: Terms, clock: Clock, shelf: MemoryShelf | None = None) -> None:
        super().__init__(terms, clock)
        self._shelf = MemoryShelf() if shelf is None else shelf
        self._closed = False

    async def aclose(self) -> None:
        """Refuse everything from now on."""
        self._closed = True

    async def _do(self, work: Callable[[Shelf], _Answer]) -> _Answer:
        if self._closed:
            raise SessionsUnavailable("they are closed")
        return work(self._shelf)  # nothing in it waits: no other work comes in between
