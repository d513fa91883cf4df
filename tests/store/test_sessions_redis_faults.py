"""R3: whatever becomes of Redis, calls end in time with an error that has a name, the event loop
goes on, and nothing of ours has to be restarted.

That a call ends in time is seen by what is still true when it has ended: Redis is frozen still.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from cc_executor.errors import SessionNotFound, SessionsUnavailable, TooManySessions
from cc_executor.model.sessions import Terms
from cc_executor.store.sessions.redis import PREFIX, RedisSessions
from cc_executor.store.sessions.redis_link import Link
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.redis_server import RedisServer
from tests.store.meddler import Meddler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

TERMS = Terms(max_sessions=1_000, timeout_s=600.0)
SHORT_S = 0.5
SECRET = "swordfish"


@asynccontextmanager
async def connected(
    url: str, *, pool_size: int = 4, timeout_s: float = 20.0, terms: Terms = TERMS
) -> AsyncIterator[RedisSessions]:
    link = Link(url, pool_size=pool_size, timeout_s=timeout_s)
    sessions = RedisSessions(link, terms, ManualClock())
    try:
        yield sessions
    finally:
        await sessions.aclose()


class Heart:
    """Beats as long as the loop lets it."""

    def __init__(self) -> None:
        self.beats = 0

    async def beat(self) -> None:
        while True:
            self.beats += 1
            await asyncio.sleep(0.005)  # how it beats, not what is waited for


# --- more callers than connections -----------------------------------------------------------


async def test_r3_callers_beyond_the_pool_wait_for_their_turn(own_redis: RedisServer) -> None:
    async with connected(own_redis.url, pool_size=2) as sessions:
        opened = await asyncio.gather(*(sessions.open("ada") for _ in range(50)))
        assert len({session.id for session, _ in opened}) == 50
        assert await sessions.count() == 50
        # One more: whoever asks.
        assert own_redis.command("INFO", "clients").count(b"connected_clients:3\r\n") == 1


async def test_r3_callers_beyond_the_pool_are_refused_in_time_when_nothing_comes_back(
    own_redis: RedisServer,
) -> None:
    async with connected(own_redis.url, pool_size=2, timeout_s=SHORT_S) as sessions:
        await sessions.open("ada")
        own_redis.freeze()
        results = await asyncio.gather(
            *(sessions.open("ada") for _ in range(50)), return_exceptions=True
        )
        assert {type(one) for one in results} == {SessionsUnavailable}
        own_redis.thaw()
        # No connection is missing: as many as before get through, two at a time.
        counts = await asyncio.gather(*(sessions.count() for _ in range(50)))
        assert set(counts) <= {1, 2, 3}  # what two of them asked may have been done late


# --- stopped, killed, started again ----------------------------------------------------------


async def test_r3_a_frozen_redis_is_an_error_in_time_and_the_loop_goes_on(
    own_redis: RedisServer,
) -> None:
    async with connected(own_redis.url, timeout_s=SHORT_S) as sessions:
        session, token = await sessions.open("ada")
        heart = Heart()
        beating = asyncio.create_task(heart.beat())
        own_redis.freeze()
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: sessions.open("ada"),
            lambda: sessions.resume(token, "ada"),
            lambda: sessions.renew({session.id: 1}),
            lambda: sessions.save(session.id, 1, {}),
            lambda: sessions.release(session.id, 1),
            sessions.count,
            sessions.healthy,
        )
        for call in calls:
            before = heart.beats
            with pytest.raises(SessionsUnavailable, match=r"no answer within 0\.5 s"):
                await call()
            # Undisturbed it would be a hundred; a loop that waits for Redis has one or two.
            assert heart.beats - before >= 10
        beating.cancel()
        own_redis.thaw()
        assert (await sessions.resume(token, "ada")).id == session.id


async def test_r3_a_redis_that_was_killed_and_comes_back_is_used_again(
    own_redis: RedisServer,
) -> None:
    async with connected(own_redis.url, timeout_s=5.0) as sessions:
        _, token = await sessions.open("ada")
        await asyncio.gather(*(sessions.count() for _ in range(20)))  # all connections are open
        own_redis.kill()
        for _ in range(3):
            with pytest.raises(SessionsUnavailable, match="there is no connection to it"):
                await sessions.open("ada")
        own_redis.start()
        await asyncio.gather(*(sessions.open("ada") for _ in range(20)))
        assert await sessions.count() == 20
        with pytest.raises(SessionNotFound):  # it was kept in memory only
            await sessions.resume(token, "ada")


async def test_r3_a_call_whose_redis_is_killed_under_it_ends_with_an_error(
    own_redis: RedisServer,
) -> None:
    async with connected(own_redis.url) as sessions:
        await sessions.healthy()
        own_redis.freeze()
        calls = [asyncio.create_task(sessions.open("ada")) for _ in range(20)]
        await asyncio.sleep(0.05)  # some of them have sent what they want
        own_redis.kill()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(one) for one in results} == {SessionsUnavailable}


async def test_r3_nobody_needs_redis_to_begin(own_redis: RedisServer) -> None:
    own_redis.kill()
    async with connected(own_redis.url) as sessions:
        with pytest.raises(SessionsUnavailable):
            await sessions.healthy()
        own_redis.start()
        await sessions.healthy()


# --- full, foreign ---------------------------------------------------------------------------


async def test_r3_a_full_redis_is_an_error_that_says_so_and_changes_nothing(
    own_redis: RedisServer,
) -> None:
    own_redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    async with connected(own_redis.url) as sessions:
        session, token = await sessions.open("ada")
        leaving, its_token = await sessions.open("ada")
        before = await everything(own_redis)
        own_redis.command("CONFIG", "SET", "maxmemory", "1")
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: sessions.open("ada"),
            lambda: sessions.resume(token, "ada"),
            lambda: sessions.save(session.id, 1, {}),
            lambda: sessions.renew({session.id: 1}),
            lambda: sessions.release(session.id, 1),
        )
        for call in calls:
            with pytest.raises(SessionsUnavailable, match="it is full") as refusal:
                await call()
            assert "maxmemory" in refusal.value.hint
        assert await everything(own_redis) == before
        await sessions.close(leaving.id, 1)  # makes room
        own_redis.command("CONFIG", "SET", "maxmemory", "0")
        assert (await sessions.resume(token, "ada")).generation == 2
        with pytest.raises(SessionNotFound):
            await sessions.resume(its_token, "ada")


@pytest.mark.parametrize(
    ("field", "value"),
    [("subscriptions", "{"), ("subscriptions", "[1]"), ("created_at", "soon"), ("id", None)],
)
async def test_a_record_that_is_not_ours_is_an_error(
    own_redis: RedisServer, field: str, value: str | None
) -> None:
    async with connected(own_redis.url) as sessions:
        session, token = await sessions.open("ada")
        key = f"{PREFIX}session:{session.id}"
        if value is None:
            own_redis.command("HDEL", key, field)
        else:
            own_redis.command("HSET", key, field, value)
        with pytest.raises(SessionsUnavailable, match="cannot be read"):
            await sessions.resume(token, "ada")


async def test_a_key_that_is_not_ours_is_an_error(own_redis: RedisServer) -> None:
    own_redis.command("SET", f"{PREFIX}live", "something else")
    async with connected(own_redis.url) as sessions:
        with pytest.raises(SessionsUnavailable, match="refuses a command"):
            await sessions.open("ada")


# --- slow and broken ways --------------------------------------------------------------------


async def test_r3_an_answer_that_comes_too_late_is_never_taken_for_another_ones(
    own_redis: RedisServer,
) -> None:
    async with (
        Meddler(own_redis.socket) as meddler,
        connected(meddler.url, pool_size=1, timeout_s=SHORT_S) as sessions,
    ):
        session, token = await sessions.open("ada")
        meddler.passing.clear()
        for call in (sessions.count(), sessions.renew({session.id: 1}), sessions.healthy()):
            with pytest.raises(SessionsUnavailable, match=r"no answer within 0\.5 s"):
                await call
        meddler.passing.set()
        resumed = await sessions.resume(token, "ada")
        assert (resumed.id, await sessions.count()) == (session.id, 1)


async def test_r3_a_way_that_breaks_is_taken_up_again_unseen(own_redis: RedisServer) -> None:
    async with (
        Meddler(own_redis.socket) as meddler,
        connected(meddler.url, pool_size=1) as sessions,
    ):
        for number in range(1, 6):
            await sessions.open("ada")
            assert meddler.connected == number
            await meddler.cut()
        assert await sessions.count() == 5


async def test_r3_a_caller_who_gives_up_costs_no_connection(own_redis: RedisServer) -> None:
    async with (
        Meddler(own_redis.socket) as meddler,
        connected(meddler.url, pool_size=1) as sessions,
    ):
        await sessions.open("ada")
        meddler.passing.clear()
        giving_up = asyncio.create_task(sessions.open("ada"))
        while not has_opened(own_redis, 2):
            await asyncio.sleep(0.005)
        giving_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await giving_up
        meddler.passing.set()
        assert await sessions.count() == 2
        assert meddler.connected == 1


async def test_r3_an_opening_whose_answer_was_lost_is_made_once(own_redis: RedisServer) -> None:
    async with (
        Meddler(own_redis.socket) as meddler,
        connected(meddler.url, pool_size=1, terms=TERMS._replace(max_sessions=2)) as sessions,
    ):
        await sessions.open("ada")
        meddler.passing.clear()
        opening = asyncio.create_task(sessions.open("ada"))
        while not has_opened(own_redis, 2):
            await asyncio.sleep(0.005)
        await meddler.cut()
        meddler.passing.set()
        session, token = await opening
        assert await sessions.count() == 2
        assert (await sessions.resume(token, "ada")).id == session.id


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\xff\x00\xff\r\n",
        b"$5\r\nhi",
        b"*-5\r\n",
        b":abc\r\n",
        b"-ERR \xff\xfe\r\n",
        b"+" + b"\xff" * 100 + b"\r\n",
        b"",
    ],
)
async def test_r3_a_peer_that_is_no_redis_is_an_error(
    own_redis: RedisServer, nonsense: bytes
) -> None:
    async with (
        Meddler(own_redis.socket) as meddler,
        connected(meddler.url, timeout_s=SHORT_S) as sessions,
    ):
        meddler.instead = nonsense
        with pytest.raises(SessionsUnavailable):
            await sessions.open("ada")
        meddler.instead = None
        assert await sessions.count() == 0


# --- logins ----------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["", f":wrong-{SECRET}@", f"nobody:{SECRET}@"])
async def test_r3_a_refused_login_is_an_error_with_a_hint_and_tells_no_secret(
    login: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RedisServer("--requirepass", "right", password="right") as server:
        async with connected(f"unix://{login}{server.socket}") as sessions:
            with pytest.raises(SessionsUnavailable, match="refuses the login") as refusal:
                await sessions.open("ada")
            assert "REDIS_URL" in refusal.value.hint
            shown = "".join(traceback.format_exception(refusal.value)) + caplog.text
            assert SECRET not in shown
        async with connected(server.url) as sessions:
            await sessions.open("ada")


async def test_r3_a_user_without_rights_is_an_error_with_a_hint(own_redis: RedisServer) -> None:
    own_redis.command("ACL", "SETUSER", "guest", "on", f">{SECRET}", "~other:*", "+@all")
    async with connected(f"unix://guest:{SECRET}@{own_redis.socket}") as sessions:
        with pytest.raises(SessionsUnavailable, match="may not do what is needed") as refusal:
            await sessions.open("ada")
        assert "+@scripting" in refusal.value.hint
    own_redis.command(
        *("ACL", "SETUSER", "guest", "resetkeys", "~cc-executor:*", "nocommands"),
        *("+@scripting", "+@hash", "+@sortedset", "+@keyspace", "+time", "+@connection"),
    )
    async with connected(f"unix://guest:{SECRET}@{own_redis.socket}") as sessions:
        await sessions.open("ada")


@pytest.mark.parametrize(
    "url",
    [
        f"redis://ada:{SECRET}/with-a-slash@host:6379/0",
        f"redis://ada:{SECRET}@host:port",
        f"redis://ada:{SECRET}@host:99999",
        f"redis://ada:{SECRET}@[host",
        f"redis://ada:{SECRET}@host?db=first",
        f"redis://ada:{SECRET}@host?socket_timeout=1000",
        f"redis://ada:{SECRET}@host?max_connections=1000000&decode_responses=no",
        f"http://ada:{SECRET}@host",
    ],
)
async def test_a_url_that_cannot_be_used_is_refused_and_tells_no_secret(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not a URL of a Redis|has options") as refusal:
        Link(url, pool_size=1, timeout_s=1.0)
    assert SECRET not in "".join(traceback.format_exception(refusal.value))


# --- what is kept ----------------------------------------------------------------------------


async def test_the_time_is_that_of_redis_whatever_the_clocks_of_servers_say(
    own_redis: RedisServer,
) -> None:
    terms = TERMS._replace(max_sessions=2)
    link = Link(own_redis.url, pool_size=2, timeout_s=20.0)
    ahead = RedisSessions(link, terms, ManualClock(4_000_000_000.0))
    behind = RedisSessions(link, terms, ManualClock(1.0))
    session, token = await ahead.open("ada")
    other, _ = await behind.open("ada")
    for sessions in (ahead, behind):
        with pytest.raises(TooManySessions):
            await sessions.open("ada")
        assert await sessions.renew({session.id: 1, other.id: 1}) == frozenset()
    assert session.lease_until is not None
    assert session.lease_until == pytest.approx(session.created_at + terms.lease_s)
    assert other.created_at >= session.created_at
    seconds = int(own_redis.command("TIME").split(b"\r\n")[2])
    assert session.created_at <= seconds + 1
    assert (await behind.resume(token, "ada")).id == session.id
    await ahead.aclose()


async def test_redis_forgets_everything_by_itself(own_redis: RedisServer) -> None:
    async with connected(own_redis.url) as sessions:
        session, token = await sessions.open("ada")
        left, _ = await sessions.open("ada")
        await sessions.release(left.id, 1)
        await sessions.save(session.id, 1, {})
        await sessions.renew({session.id: 1})
        await sessions.resume(token, "ada")
        async with Redis.from_url(own_redis.url) as redis:
            keys = [key async for key in redis.scan_iter("*")]
            left_ms = [await redis.pttl(key) for key in keys]
    assert len(keys) == 4
    assert all(key.startswith(PREFIX.encode()) for key in keys)
    assert all(0 < one <= TERMS.timeout_s * 1_000 for one in left_ms)


async def test_sessions_that_have_ended_by_redis_own_clock_are_gone(
    own_redis: RedisServer,
) -> None:
    terms = Terms(max_sessions=2, timeout_s=0.05, lease_s=0.05)
    async with connected(own_redis.url, terms=terms) as sessions:
        _, token = await sessions.open("ada")
        async with asyncio.timeout(10):
            while await sessions.count():
                await asyncio.sleep(0.005)
            while own_redis.command("DBSIZE") != b":0\r\n":
                await asyncio.sleep(0.005)
        with pytest.raises(SessionNotFound):
            await sessions.resume(token, "ada")


async def everything(server: RedisServer) -> dict[bytes, object]:
    async with Redis.from_url(server.url) as redis:
        return {key: await redis.dump(key) async for key in redis.scan_iter("*")}


def has_opened(server: RedisServer, count: int) -> bool:
    return server.command("ZCARD", f"{PREFIX}live") == f":{count}\r\n".encode()
