"""Tokens that are taken back, replaced or run out, while somebody is connected with them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cc_executor.errors import TokenFileRefused
from cc_executor.model.principals import Scope
from cc_executor.store.tokens import TokenFiles
from tests.server.raw import Raw
from tests.server.serving import Served, eventually


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "home") as served:
        yield served


def _status(served: Served, token: str) -> int:
    with served.connect() as raw:
        raw.request("GET", "/executions", token=token)
        return raw.answer().status


def _given(served: Served, *, lasts_s: float | None = None) -> tuple[str, str]:
    now = time.time()
    record, token = TokenFiles(served.home).create(
        "ann",
        [Scope.READ, Scope.RUN],
        now_s=now,
        expires_at=None if lasts_s is None else now + lasts_s,
    )
    eventually(lambda: _status(served, token) == 200)
    return record.id, token


def _following(served: Served, token: str) -> tuple[Raw, Raw]:
    """Return a WebSocket and a stream of events that would both go on for long."""
    socket = served.connect().opened(token)
    started = socket.call("execute", {"command": ["sleep", "60"]})["result"]["execution_id"]
    events = served.connect()
    events.request("GET", f"/executions/{started}/events", token=token)
    assert events.head()[0] == 200
    return socket, events


def _ends(raw: Raw) -> None:
    """Return when the server has closed the connection."""
    raw.rest()


Change = Callable[[Served, str], object]
CHANGES: dict[str, Change] = {
    "revoked": lambda served, token_id: TokenFiles(served.home).revoke(token_id),
    "file gone": lambda served, _: (served.home / "tokens.json").unlink(),
    "file open to others": lambda served, _: (served.home / "tokens.json").chmod(0o644),
    "file emptied": lambda served, _: (served.home / "tokens.json").write_bytes(b""),
    "own file open to others": lambda served, _: (served.home / "token").chmod(0o640),
}


@pytest.mark.parametrize("how", CHANGES)
def test_what_a_token_let_in_ends_with_it(how: str, served: Served) -> None:
    token_id, token = _given(served)
    socket, events = _following(served, token)
    with socket, events:
        CHANGES[how](served, token_id)
        _ends(socket)
        _ends(events)
        assert _status(served, token) == 401


def test_a_token_that_runs_out_ends_what_it_let_in(served: Served) -> None:
    _, token = _given(served, lasts_s=3)
    socket, events = _following(served, token)
    with socket, events:
        _ends(socket)
        _ends(events)
        assert _status(served, token) == 401


def test_rotation_ends_the_owners_connections_and_nobody_elses(served: Served) -> None:
    _, given = _given(served)
    before = served.token
    mine, events = _following(served, before)
    theirs = served.connect().opened(given)
    with mine, events, theirs:
        TokenFiles(served.home).rotate_own()
        _ends(mine)
        _ends(events)
        assert "result" in theirs.call("status")
        assert served.token != before
        assert _status(served, before) == 401
        assert _status(served, served.token) == 200


def test_a_file_that_is_in_order_again_lets_everybody_in_again(served: Served) -> None:
    own = served.home / "token"
    token = served.token
    own.chmod(0o644)
    eventually(lambda: _status(served, token) == 401)
    own.chmod(0o600)
    eventually(lambda: _status(served, token) == 200)


def test_giving_a_token_to_somebody_disturbs_nobody(served: Served) -> None:
    with served.connect() as raw:
        raw.opened(served.token)
        _given(served)
        assert "result" in raw.call("status")


def _replaced(path: Path, make: Callable[[Path], None]) -> None:
    path.unlink()
    make(path)
    path.chmod(0o700)


def _linked(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


BREAKS: dict[str, Callable[[Path], object]] = {
    "open to the group": lambda path: path.chmod(0o640),
    "open to all": lambda path: path.chmod(0o604),
    "writable by others": lambda path: path.chmod(0o602),
    "a symbolic link": _linked,
    "a directory": lambda path: _replaced(path, Path.mkdir),
    "a pipe": lambda path: _replaced(path, os.mkfifo),
    "empty": lambda path: path.write_text(""),
    "too short": lambda path: path.write_text("secret"),
    "two tokens": lambda path: path.write_text(path.read_text() * 2),
    "not text": lambda path: path.write_bytes(b"\xff" * 43),
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_token_file_that_cannot_be_trusted_starts_no_server(how: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Served(home):
        pass
    BREAKS[how](home / "token")
    with pytest.raises(TokenFileRefused) as refused, Served(home):
        pass
    assert refused.value.hint
    assert str(home / "token") in str(refused.value)


def test_a_token_file_of_somebody_else_starts_no_server(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Served(home):
        pass
    os.chown(home / "token", 65_534, 65_534)
    with pytest.raises(TokenFileRefused, match="belongs to user id 65534"), Served(home):
        pass


def test_the_files_are_made_so_that_nobody_else_can_read_them(served: Served) -> None:
    _given(served)
    for name in ("token", "tokens.json"):
        assert (served.home / name).stat().st_mode & 0o777 == 0o600
    assert served.home.stat().st_mode & 0o077 == 0


def test_what_is_kept_of_a_token_that_was_given_does_not_let_anybody_in(served: Served) -> None:
    _, token = _given(served)
    kept = (served.home / "tokens.json").read_text()
    assert token not in kept
    record = TokenFiles(served.home).records()[0]
    assert _status(served, record.sha256) == 401
