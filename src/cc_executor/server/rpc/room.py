"""What all connections of a server share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from cc_executor.errors import CCExecutorError
from cc_executor.model.principals import Principal
from cc_executor.model.sessions import RENEW_EVERY_S
from cc_executor.ports.sessions import Sessions
from cc_executor.protocol.jsonrpc import Limits as MessageLimits
from cc_executor.protocol.methods import status
from cc_executor.server.desk import Desk
from cc_executor.server.vitals import Vitals

_log = logging.getLogger(__name__)
_PRUNE_EVERY: Final = 6  # renewals


class Limits(NamedTuple):
    """What one connection may not go beyond.

    Attributes:
        messages: Of one message.
        max_outstanding: Most unanswered requests.
        max_subscriptions: Most streams.
        idle_s: How long a connection without streams and requests may stay.
    """

    messages: MessageLimits
    max_outstanding: int
    max_subscriptions: int
    idle_s: float


class Room(NamedTuple):
    """The services that a connection uses.

    Attributes:
        desk: Does what is asked for.
        sessions: Where sessions are kept.
        holders: Who of this server holds which session.
        vitals: Told what is served.
        limits: Of each connection.
        charge: Counts one more request of a principal; raises `RateLimited`.
        facts: Returns what `status` says of the server.
    """

    desk: Desk
    sessions: Sessions
    holders: Holders
    vitals: Vitals
    limits: Limits
    charge: Callable[[Principal], None]
    facts: Callable[[], Awaitable[status.Result]]


class Holders:
    """The connections of this server by the session that each of them holds."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._held: dict[str, tuple[int, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, session_id: str, generation: int, lost: Callable[[], None]) -> None:
        """Have the lease of a session renewed; `lost` is called when somebody else has it."""
        before = self._held.get(session_id)
        self._held[session_id] = (generation, lost)
        if before is not None and before[0] < generation:
            before[1]()  # resumed on this very server

    def leave(self, session_id: str, generation: int) -> None:
        """Stop renewing."""
        held = self._held.get(session_id)
        if held is not None and held[0] == generation:
            del self._held[session_id]

    async def renew(self) -> None:
        """Renew every lease again and again until cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            rounds += 1
            held = {one: generation for one, (generation, _) in self._held.items()}
            try:
                lost = await self._sessions.renew(held) if held else frozenset()
                if rounds % _PRUNE_EVERY == 0:
                    await self._sessions.prune()
            except CCExecutorError as error:
                _log.warning("leases were not renewed", extra={"problem": str(error)})
                continue
            for session_id in lost:
                known = self._held.get(session_id)
                if known is not None and known[0] == held[session_id]:
                    known[1]()
