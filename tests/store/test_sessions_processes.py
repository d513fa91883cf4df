"""Sessions of several servers: real processes, which are killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cc_executor.errors import SessionTaken, TooManySessions
from tests.store.session_process import SUBSCRIPTIONS, opened

if TYPE_CHECKING:
    from cc_executor.testing.redis_server import RedisServer

PROGRAM = Path(__file__).with_name("session_process.py")
WAIT_S = 30.0


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "sessions.sqlite")
    server: RedisServer = request.getfixturevalue("own_redis")
    return server.url


class Server:
    """A process that holds sessions, and their tokens."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.tokens: list[str] = []

    @classmethod
    async def start(cls, place: str, *, count: int, max_sessions: int) -> Server:
        """Return when it has got as many of `count` sessions as it could."""
        server = cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, str(PROGRAM), place, str(count), str(max_sessions)),
                stdout=asyncio.subprocess.PIPE,
            )
        )
        assert server._process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while (line := (await server._process.stdout.readline()).decode()) != "done\n":
                assert line, "it ended by itself"
                server.tokens.append(line.strip())
        return server

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()


async def test_servers_together_open_exactly_as_many_sessions_as_are_allowed(place: str) -> None:
    servers = await asyncio.gather(
        *(Server.start(place, count=40, max_sessions=50) for _ in range(3))
    )
    sessions = await opened(place, 50)
    try:
        tokens = [token for server in servers for token in server.tokens]
        assert len(tokens) == len(set(tokens)) == await sessions.count() == 50
        with pytest.raises(TooManySessions):
            await sessions.open("ada")
    finally:
        await asyncio.gather(*(server.kill() for server in servers))
        await sessions.aclose()


async def test_a_session_of_a_server_that_was_killed_goes_on_elsewhere(place: str) -> None:
    server = await Server.start(place, count=1, max_sessions=1)
    (token,) = server.tokens
    await server.kill()
    sessions = await opened(place, 1)
    # Its lease still counts, and does not keep its own client out.
    with pytest.raises(TooManySessions):
        await sessions.open("ada")
    resumed = await sessions.resume(token, "ada")
    assert (resumed.generation, resumed.subscriptions) == (2, SUBSCRIPTIONS)
    await sessions.aclose()


async def test_a_session_that_moves_to_another_server_leaves_the_first_one(place: str) -> None:
    sessions = await opened(place, 10)
    session, its_token = await sessions.open("ada")
    server = await Server.start(place, count=1, max_sessions=10)
    try:
        other = await opened(place, 10)
        assert (await other.resume(its_token, "ada")).generation == 2
        assert (await other.resume(server.tokens[0], "ada")).subscriptions == SUBSCRIPTIONS
        await other.aclose()
        with pytest.raises(SessionTaken):
            await sessions.save(session.id, session.generation, {})
    finally:
        await server.kill()
        await sessions.aclose()
