"""Sessions in Redis, for several servers behind one address.

Each move is one script, so that it is made whole or not at all whoever else is moving. The time is
Redis's own: leases of several servers are compared with each other, and their clocks differ.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, Final

from cc_executor.errors import SessionNotFound, SessionsUnavailable, SessionTaken
from cc_executor.model import sessions as law
from cc_executor.model.sessions import Session, Subscriptions, Terms
from cc_executor.ports.clock import Clock
from cc_executor.store.sessions.base import no_room
from cc_executor.store.sessions.redis_link import Link

#: All keys begin with it, and lie in one slot of a cluster. The number is that of the layout.
PREFIX: Final = "cc-executor:{sessions:1}:"

#: Leases that one script renews: others want Redis, too.
_RENEWED_AT_ONCE: Final = 500

_MOVES: Final = ("open", "resume", "renew", "save", "release", "close", "count", "prune")


class RedisSessions:
    """Implements `ports.sessions.Sessions` in one Redis, version 5 or newer.

    Every call ends within the link's timeout. Nothing is asked before the first call.

    Args:
        link: To Redis.
        terms: What sessions are bound by; those of all servers should be the same.
        clock: Where chance comes from, and the time for tests.
        own_time: The time is what `clock` says, not what Redis says.
        prefix: Of all keys.
    """

    def __init__(
        self,
        link: Link,
        terms: Terms,
        clock: Clock,
        *,
        own_time: bool = False,
        prefix: str = PREFIX,
    ) -> None:
        self._link = link
        self._terms = terms
        self._clock = clock
        self._own_time = own_time
        self._prefix = prefix
        self._moves = {name: link.script(_lua(name)) for name in _MOVES}

    async def open(self, principal: str) -> tuple[Session, str]:
        """Return a new session and its token."""
        session_id = law.new_session_id(self._clock.entropy(law.ID_BYTES))
        token = law.new_token(session_id, self._clock.entropy(law.SECRET_BYTES))
        answer = await self._move("open", session_id, law.fingerprint(token), principal)
        return _session(self._accepted(answer, session_id)), token

    async def resume(self, token: str, principal: str) -> Session:
        """Take a session over."""
        session_id = law.session_of(token)
        answer = await self._move("resume", session_id, law.fingerprint(token), principal)
        return _session(self._accepted(answer, session_id))

    async def renew(self, held: Mapping[str, int]) -> frozenset[str]:
        """Extend leases and return the ids of those that are lost."""

        async def renew() -> frozenset[str]:
            lost: set[str] = set()
            leases = iter(held.items())
            while some := list(islice(leases, _RENEWED_AT_ONCE)):
                pairs = [str(part) for lease in some for part in lease]
                lost.update(await self._run("renew", [one for one, _ in some], pairs))
            return frozenset(lost)

        return await self._link.call(renew)

    async def save(self, session_id: str, generation: int, subscriptions: Subscriptions) -> None:
        """Keep what the client follows."""
        written = law.encoded(subscriptions).decode()
        answer = await self._move("save", session_id, str(generation), written)
        self._accepted(answer, session_id)

    async def release(self, session_id: str, generation: int) -> None:
        """Note that the connection has gone."""
        await self._end("release", session_id, generation)

    async def close(self, session_id: str, generation: int) -> None:
        """Forget the session."""
        await self._end("close", session_id, generation)

    async def count(self) -> int:
        """Return how many are live."""
        return int(await self._link.call(lambda: self._run("count", [], [])))

    async def prune(self) -> int:
        """Forget what has ended; Redis does most of it by itself."""
        return int(await self._link.call(lambda: self._run("prune", [], [])))

    async def healthy(self) -> None:
        """Do nothing when Redis answers."""
        await self._link.ping()

    async def aclose(self) -> None:
        """Finish what was accepted and disconnect."""
        await self._link.aclose()

    # --- how it is done ----------------------------------------------------------------------

    async def _end(self, move: str, session_id: str, generation: int) -> None:
        answer = await self._move(move, session_id, str(generation))
        try:
            self._accepted(answer, session_id)
        except SessionNotFound:
            return  # nothing is left to be done

    async def _move(self, name: str, session_id: str, *arguments: str) -> list[Any]:
        answer = await self._link.call(
            lambda: self._run(name, [session_id], [session_id, *arguments])
        )
        if not isinstance(answer, list):
            raise _foreign()
        return answer

    def _run(
        self, name: str, session_ids: Iterable[str], arguments: Iterable[str]
    ) -> Awaitable[Any]:
        terms = self._terms
        keys = [f"{self._prefix}live", f"{self._prefix}ends"]
        keys += [f"{self._prefix}session:{one}" for one in session_ids]
        common = (
            repr(self._clock.now_s()) if self._own_time else "",
            repr(terms.lease_s),
            repr(terms.timeout_s),
            str(terms.max_sessions),
            str(terms.max_kept),
            f"{self._prefix}session:",
        )
        return self._moves[name](keys=keys, args=[*common, *arguments])

    def _accepted(self, answer: list[Any], session_id: str) -> list[str]:
        """Return what follows `ok`.

        Raises:
            SessionNotFound, SessionTaken, TooManySessions: As the answer says.
        """
        match answer:
            case ["ok", [*fields]]:
                return fields
            case ["ok"]:
                return []
            case ["missing"]:
                raise SessionNotFound
            case ["taken"]:
                raise SessionTaken(session_id)
            case ["full"]:
                raise no_room(self._terms)
            case _:
                raise _foreign()


def _session(fields: list[str]) -> Session:
    """Return the session that a hash stands for."""
    kept = dict(zip(fields[::2], fields[1::2], strict=True))
    try:
        return Session(
            id=kept["id"],
            principal=kept["principal"],
            created_at=float(kept["created_at"]),
            last_seen_at=float(kept["last_seen_at"]),
            generation=int(kept["generation"]),
            lease_until=float(kept["lease_until"]) if kept["lease_until"] else None,
            subscriptions=law.decoded(kept["subscriptions"]),
        )
    except (KeyError, ValueError) as problem:
        raise _foreign() from problem


def _foreign() -> SessionsUnavailable:
    return SessionsUnavailable("Redis: a session's record cannot be read")


@cache
def _lua(name: str) -> str:
    folder = resources.files("cc_executor.store.sessions").joinpath("lua")
    return "\n".join(
        folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in ("prelude", name)
    )
