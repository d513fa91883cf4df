from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from cc_executor.errors import InvalidSetting, SessionsUnavailable, TooManySessions
from cc_executor.settings import Settings, load_settings
from cc_executor.store.sessions.redis import RedisSessions
from cc_executor.store.sessions.sqlite import SqliteSessions
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.redis_server import RedisServer
from cc_executor.wiring import open_resources, open_sessions

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "swordfish"


def settings(home: Path, **variables: str) -> Settings:
    return load_settings(
        environ={"CC_EXECUTOR_HOME": str(home), **variables}, flags={}, config_files=()
    )


async def test_sessions_are_kept_in_a_private_file_of_the_state_directory(tmp_path: Path) -> None:
    home = tmp_path / "state"
    clock = ManualClock()
    sessions = await open_sessions(
        settings(home, MAX_SESSIONS="1", SESSION_TIMEOUT="60"), clock=clock
    )
    assert isinstance(sessions, SqliteSessions)
    session, _ = await sessions.open("ada")
    with pytest.raises(TooManySessions):
        await sessions.open("ada")
    await sessions.release(session.id, 1)
    clock.advance(59)
    assert await sessions.prune() == 0
    clock.advance(1)
    assert await sessions.prune() == 1
    files = sorted(home.glob("sessions.sqlite*"))
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    await sessions.aclose()


async def test_sessions_are_kept_in_redis_when_the_settings_name_one(tmp_path: Path) -> None:
    with RedisServer() as server:
        sessions = await open_sessions(settings(tmp_path, REDIS_URL=server.url, MAX_SESSIONS="1"))
        assert isinstance(sessions, RedisSessions)
        await sessions.open("ada")
        with pytest.raises(TooManySessions):
            await sessions.open("ada")
        await sessions.aclose()
    assert not list(tmp_path.glob("sessions.sqlite*"))


async def test_r3_pool_and_timeout_of_redis_are_settings(tmp_path: Path) -> None:
    with RedisServer() as server:
        sessions = await open_sessions(
            settings(tmp_path, REDIS_URL=server.url, REDIS_POOL_SIZE="3", REDIS_TIMEOUT="0.25")
        )
        assert isinstance(sessions, RedisSessions)
        assert sessions._link._pool.max_connections == 3
        server.freeze()
        with pytest.raises(SessionsUnavailable, match=r"no answer within 0\.25 s"):
            await sessions.healthy()
        server.thaw()
        await sessions.aclose()


async def test_a_redis_url_that_cannot_be_used_says_where_it_was_set_and_no_secret(
    tmp_path: Path,
) -> None:
    wrong = settings(tmp_path, REDIS_URL=f"redis://ada:{SECRET}/@host:6379")
    with pytest.raises(InvalidSetting) as refusal:
        await open_sessions(wrong)
    assert str(refusal.value) == "setting redis_url (environment): is not a URL of a Redis"
    assert "%XX" in refusal.value.hint
    assert SECRET not in repr(refusal.value)


async def test_redis_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "cc_executor.store.sessions.redis")
    monkeypatch.setitem(sys.modules, "cc_executor.store.sessions.redis_link", None)
    with pytest.raises(InvalidSetting) as refusal:
        await open_sessions(settings(tmp_path, REDIS_URL="redis://127.0.0.1"))
    assert refusal.value.hint == "Install cc-executor[redis]."


async def test_resources_are_those_of_the_state_directory(tmp_path: Path) -> None:
    home = tmp_path / "state"
    resources = await open_resources(settings(home))
    assert resources.latest().disk_free_bytes is not None
    resources.close()
    assert home.is_dir()
