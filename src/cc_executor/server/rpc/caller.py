"""Who calls a method, and what their connection holds."""

from __future__ import annotations

import asyncio

from cc_executor.model.principals import Principal
from cc_executor.model.sessions import Subscription
from cc_executor.server.rpc.room import Room
from cc_executor.server.rpc.session import HeldSession
from cc_executor.server.rpc.streams import Streams


class Caller:
    """One connection as its methods see it.

    Attributes:
        room: What all connections share.
        who: Who calls.
        session: The session that the connection holds.
        streams: What it follows.
        started: Executions that `execute` has begun on this connection, oldest first.
        turn: Held while `execute` waits for its turn.
    """

    def __init__(self, room: Room, who: Principal, session: HeldSession, streams: Streams) -> None:
        self.room = room
        self.who = who
        self.session = session
        self.streams = streams
        self.started: list[str] = []
        self.turn = asyncio.Lock()

    async def kept(self) -> None:
        """Have the session remember what is followed now.

        Raises:
            SessionTaken, SessionNotFound, SessionsUnavailable: It cannot.
        """
        await self.session.save(dict(self.streams.subscriptions))

    async def follow(
        self,
        subscription: Subscription,
        *,
        agent_events: bool,
        until_end: bool,
        binary: bool = False,
    ) -> str:
        """Begin to send a stream that the session remembers; return its name.

        A stream that stops at what is there now is not worth remembering, but costs nothing if it is.
        """
        name = self.streams.open(
            subscription, agent_events=agent_events, until_end=until_end, binary=binary
        )
        await self.kept()
        return name
