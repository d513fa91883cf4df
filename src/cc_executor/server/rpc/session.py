"""The session that a connection holds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from cc_executor.errors import CCExecutorError, SessionNotFound, SessionTaken, TooManySessions
from cc_executor.model.principals import Principal
from cc_executor.model.sessions import Session, Subscriptions
from cc_executor.server.rpc.room import Room

_log = logging.getLogger(__name__)
#: What is acknowledged is kept this often, and at the end.
_SAVE_EVERY_S: Final = 1.0


class HeldSession:
    """A session, while this connection holds it.

    Args:
        room: Where sessions are kept.
        who: Whose it is.
        lost: Called when another connection has taken it.
    """

    def __init__(self, room: Room, who: Principal, lost: Callable[[], None]) -> None:
        self._room = room
        self._who = who
        self._lost = lost
        self._session: Session | None = None
        self._saved: Subscriptions = {}
        self.token = ""

    @property
    def id(self) -> str:
        """Its id; empty before it is open."""
        return self._session.id if self._session is not None else ""

    async def open(self) -> None:
        """Open a new one.

        Raises:
            TooManySessions, SessionsUnavailable: It cannot be.
        """
        session, self.token = await self._room.sessions.open(self._who.name)
        self._take(session)

    async def resume(self, token: str) -> Session:
        """Hold an earlier one instead, which is forgotten nowhere and taken from whoever has it.

        Raises:
            SessionNotFound, TooManySessions, SessionsUnavailable: The one of now stays.
        """
        try:
            session = await self._room.sessions.resume(token, self._who.name)
        except TooManySessions:
            # Our own may be the one too many. It is given back first, not closed: should the other
            # not be there, it is taken up again.
            await self.leave()
            try:
                session = await self._room.sessions.resume(token, self._who.name)
            except CCExecutorError:
                self._take(await self._room.sessions.resume(self.token, self._who.name))
                raise
        else:
            await self._forget()
        self.token = token
        self._take(session)
        return session

    async def save(self, subscriptions: Subscriptions) -> None:
        """Keep what is followed, if it is something new.

        Raises:
            SessionTaken, SessionNotFound: It is not ours any more.
            SessionsUnavailable: It could not be kept.
        """
        if self._session is None or subscriptions == self._saved:
            return
        kept = dict(subscriptions)
        await self._room.sessions.save(self._session.id, self._session.generation, kept)
        self._saved = kept

    async def save_now_and_then(self, subscriptions: Callable[[], Subscriptions]) -> None:
        """Keep what is followed until cancelled, or until the session is not ours any more."""
        while True:
            await asyncio.sleep(_SAVE_EVERY_S)
            try:
                await self.save(subscriptions())
            except (SessionTaken, SessionNotFound):
                self._lost()
                return
            except CCExecutorError as error:
                _log.warning("session was not kept", extra={"problem": str(error)})

    async def leave(self) -> None:
        """Give it back: it can be resumed, and counts no longer."""
        if self._session is None:
            return
        self._room.holders.leave(self._session.id, self._session.generation)
        try:
            await self._room.sessions.release(self._session.id, self._session.generation)
        except CCExecutorError as error:  # its lease will run out
            _log.info("session was not given back", extra={"problem": str(error)})

    async def _forget(self) -> None:
        """Close the one of now: nothing is in it that somebody could want back."""
        if self._session is None:
            return
        self._room.holders.leave(self._session.id, self._session.generation)
        try:
            await self._room.sessions.close(self._session.id, self._session.generation)
        except CCExecutorError as error:
            _log.info("session was not closed", extra={"problem": str(error)})

    def _take(self, session: Session) -> None:
        self._session = session
        self._saved = dict(session.subscriptions)
        self._room.holders.hold(session.id, session.generation, self._lost)
