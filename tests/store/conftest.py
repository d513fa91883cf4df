from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cc_executor.testing.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis for all tests that do it no harm; each with keys of its own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis for one test, to be stopped, filled and killed."""
    with RedisServer() as server:
        yield server
