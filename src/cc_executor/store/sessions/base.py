"""The port, spelled out once over a few rows: memory and SQLite answer through the same law."""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from cc_executor.errors import SessionNotFound, TooManySessions
from cc_executor.model import sessions as law
from cc_executor.model.sessions import Session, Subscriptions, Terms
from cc_executor.ports.clock import Clock

_Answer = TypeVar("_Answer")


class Kept(NamedTuple):
    """A session, and what is known of its token."""

    session: Session
    fingerprint: str


class Shelf(Protocol):
    """The rows, inside one piece of work."""

    def get(self, session_id: str) -> Kept | None:
        """Return what is kept under this id, ended or not."""
        ...

    def put(self, kept: Kept, *, ends_at: float) -> None:
        """Keep a session, in place of what was kept under its id."""
        ...

    def drop(self, session_id: str) -> None:
        """Forget a session that is kept."""
        ...

    def count(self) -> int:
        """Return how many are kept."""
        ...

    def count_live(self, now_s: float) -> int:
        """Return how many are live."""
        ...

    def first_idle(self, now_s: float) -> str | None:
        """Return the id of the one that ends first of those that are not live."""
        ...

    def drop_ended(self, now_s: float) -> int:
        """Forget all that have ended and return how many."""
        ...


class ShelfSessions(ABC):
    """Implements `ports.sessions.Sessions`, but for where the rows are.

    Args:
        terms: What sessions are bound by.
        clock: Of the machine on which all who share the rows run.
    """

    def __init__(self, terms: Terms, clock: Clock) -> None:
        self._terms = terms
        self._clock = clock

    @abstractmethod
    async def _do(self, work: Callable[[Shelf], _Answer]) -> _Answer:
        """Return what `work` returns, its changes kept; one work after the other.

        Work that raises has changed nothing that matters before.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Finish what was accepted and release everything."""

    async def open(self, principal: str) -> tuple[Session, str]:
        """Return a new session and its token."""
        session_id = law.new_session_id(self._clock.entropy(law.ID_BYTES))
        token = law.new_token(session_id, self._clock.entropy(law.SECRET_BYTES))
        session = law.opened(session_id, principal, self._clock.now_s(), self._terms)
        kept = Kept(session, law.fingerprint(token))
        await self._do(lambda shelf: self._open(shelf, kept))
        return session, token

    async def resume(self, token: str, principal: str) -> Session:
        """Take a session over."""
        return await self._do(lambda shelf: self._resume(shelf, token, principal))

    async def renew(self, held: Mapping[str, int]) -> frozenset[str]:
        """Extend leases and return the ids of those that are lost."""
        return await self._do(lambda shelf: self._renew(shelf, held))

    async def save(self, session_id: str, generation: int, subscriptions: Subscriptions) -> None:
        """Keep what the client follows."""
        law.encoded(subscriptions)  # refuses what is too large
        await self._do(lambda shelf: self._save(shelf, session_id, generation, subscriptions))

    async def release(self, session_id: str, generation: int) -> None:
        """Note that the connection has gone."""
        await self._do(lambda shelf: self._release(shelf, session_id, generation))

    async def close(self, session_id: str, generation: int) -> None:
        """Forget the session."""
        await self._do(lambda shelf: self._close(shelf, session_id, generation))

    async def count(self) -> int:
        """Return how many are live."""
        return await self._do(lambda shelf: shelf.count_live(self._clock.now_s()))

    async def prune(self) -> int:
        """Forget what has ended and return how many that were."""
        return await self._do(lambda shelf: shelf.drop_ended(self._clock.now_s()))

    async def healthy(self) -> None:
        """Do nothing when the rows can be read."""
        await self._do(lambda shelf: shelf.count())

    # --- the work: the instant is read in it, so that a later work never has an earlier one --------

    def _open(self, shelf: Shelf, kept: Kept) -> None:
        now_s = self._clock.now_s()
        self._demand_room(shelf, now_s)
        shelf.drop_ended(now_s)
        while shelf.count() >= self._terms.max_kept:
            idle = shelf.first_idle(now_s)
            assert idle is not None, "fewer are live than are kept"
            shelf.drop(idle)
        self._put(shelf, kept, kept.session)

    def _resume(self, shelf: Shelf, token: str, principal: str) -> Session:
        now_s = self._clock.now_s()
        kept = self._find(shelf, law.session_of(token), now_s)
        if kept is None or not _is_for(kept, token, principal):
            raise SessionNotFound
        if not kept.session.is_live(now_s):
            self._demand_room(shelf, now_s)
        return self._put(shelf, kept, law.taken_over(kept.session, now_s, self._terms))

    def _renew(self, shelf: Shelf, held: Mapping[str, int]) -> frozenset[str]:
        now_s = self._clock.now_s()
        lost = set()
        for session_id, generation in held.items():
            kept = self._find(shelf, session_id, now_s)
            if kept is None or kept.session.generation != generation:
                lost.add(session_id)
            elif kept.session.is_live(now_s) or self._has_room(shelf, now_s):
                self._put(shelf, kept, law.renewed(kept.session, now_s, self._terms))
            else:
                lost.add(session_id)
        return frozenset(lost)

    def _save(
        self, shelf: Shelf, session_id: str, generation: int, subscriptions: Subscriptions
    ) -> None:
        now_s = self._clock.now_s()
        kept = self._find(shelf, session_id, now_s)
        if kept is None:
            raise SessionNotFound
        law.check_holder(kept.session, generation)
        self._put(shelf, kept, law.saved(kept.session, subscriptions, now_s))

    def _release(self, shelf: Shelf, session_id: str, generation: int) -> None:
        now_s = self._clock.now_s()
        kept = self._find(shelf, session_id, now_s)
        if kept is not None:
            law.check_holder(kept.session, generation)
            self._put(shelf, kept, law.released(kept.session, now_s))

    def _close(self, shelf: Shelf, session_id: str, generation: int) -> None:
        kept = self._find(shelf, session_id, self._clock.now_s())
        if kept is not None:
            law.check_holder(kept.session, generation)
            shelf.drop(session_id)

    # --- what the work is made of ------------------------------------------------------------------

    def _find(self, shelf: Shelf, session_id: str, now_s: float) -> Kept | None:
        kept = shelf.get(session_id)
        if kept is None or self._terms.has_ended(kept.session, now_s):
            return None
        return kept

    def _put(self, shelf: Shelf, kept: Kept, session: Session) -> Session:
        shelf.put(kept._replace(session=session), ends_at=self._terms.ends_at(session))
        return session

    def _has_room(self, shelf: Shelf, now_s: float) -> bool:
        return shelf.count_live(now_s) < self._terms.max_sessions

    def _demand_room(self, shelf: Shelf, now_s: float) -> None:
        if not self._has_room(shelf, now_s):
            raise no_room(self._terms)


def no_room(terms: Terms) -> TooManySessions:
    """Return the refusal of one session more."""
    limit = terms.max_sessions
    return TooManySessions("max_sessions", value=limit, asked=limit + 1, unit="sessions")


def _is_for(kept: Kept, token: str, principal: str) -> bool:
    shown = law.fingerprint(token)
    return hmac.compare_digest(shown, kept.fingerprint) and kept.session.principal == principal
