from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from cc_executor.model.sessions import Terms
from cc_executor.store.sessions.redis import RedisSessions
from cc_executor.store.sessions.redis_link import Link
from cc_executor.testing.contracts.sessions import JoinSessions, SessionsContract, Written

if TYPE_CHECKING:
    from cc_executor.ports.clock import Clock
    from cc_executor.ports.sessions import Sessions
    from cc_executor.testing.redis_server import RedisServer

NUMBERS = count()


@pytest.fixture
def prefix() -> str:
    """Other tests use the same Redis."""
    return f"test-{next(NUMBERS)}:{{sessions:1}}:"


class TestRedisSessions(SessionsContract):
    @pytest.fixture
    def join_sessions(self, redis_server: RedisServer, prefix: str) -> JoinSessions:
        async def join(terms: Terms, clock: Clock) -> Sessions:
            link = Link(redis_server.url, pool_size=10, timeout_s=20.0)
            return RedisSessions(link, terms, clock, own_time=True, prefix=prefix)

        return join

    @pytest.fixture
    def written(self, redis_server: RedisServer, prefix: str) -> Written:
        async def read() -> bytes:
            async with Redis.from_url(redis_server.url) as redis:
                keys = [key async for key in redis.scan_iter(f"{prefix}*")]
                dumps = [await redis.dump(key) for key in keys]
                # A dump may be compressed; a hash is what holds the secrets.
                hashes = [await redis.hgetall(key) for key in keys if b"session:" in key]
            return repr((keys, dumps, hashes)).encode()

        return read
