"""Where sessions are kept, as a server asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cc_executor.model.sessions import Session, Subscriptions


class Sessions(Protocol):
    """Sessions of one server, or of several behind one address.

    Every call ends within a bound that its implementation states, and may raise
    `SessionsUnavailable`. Nothing that runs depends on sessions: when they are unavailable, clients
    go on with cursors of their own.
    """

    async def open(self, principal: str) -> tuple[Session, str]:
        """Return a new session, held by the caller under generation 1, and its resume token.

        The token is stored nowhere: it is told here, once.

        Raises:
            TooManySessions: `max_sessions` are live.
        """
        ...

    async def resume(self, token: str, principal: str) -> Session:
        """Take the session over under a higher generation, whether somebody holds it or not.

        Raises:
            SessionNotFound: There is none with this token, it has ended, or it is somebody else's.
            TooManySessions: It is not live, and `max_sessions` others are.
        """
        ...

    async def renew(self, held: Mapping[str, int]) -> frozenset[str]:
        """Extend the leases of the sessions in `held`: by id, the generation they are held under.

        Returns:
            The ids of those that the caller does not hold any more: taken over, ended, or, when
            their lease had run out before, no room left for them.
        """
        ...

    async def save(self, session_id: str, generation: int, subscriptions: Subscriptions) -> None:
        """Keep what the client follows and has seen, in place of what was kept before.

        Raises:
            SessionTaken: Somebody else has it; nothing was changed.
            SessionNotFound: It has ended.
            LimitReached: Written as JSON it has more than 1 MiB.
        """
        ...

    async def release(self, session_id: str, generation: int) -> None:
        """Note that the connection has gone: the session counts no longer and can be resumed.

        Does nothing when it has ended.

        Raises:
            SessionTaken: Somebody else has it; nothing was changed.
        """
        ...

    async def close(self, session_id: str, generation: int) -> None:
        """Forget the session. Does nothing when it has ended.

        Raises:
            SessionTaken: Somebody else has it; nothing was changed.
        """
        ...

    async def count(self) -> int:
        """Return how many sessions are live, on all servers together."""
        ...

    async def prune(self) -> int:
        """Forget sessions that have ended and return how many; for once a minute or so."""
        ...

    async def healthy(self) -> None:
        """Do nothing when sessions are available.

        Raises:
            SessionsUnavailable: They are not; it says why.
        """
        ...

    async def aclose(self) -> None:
        """Finish what was accepted and release everything; every later call is refused.

        The sessions stay: who holds some releases them before. Calling it again does nothing.
        """
        ...
