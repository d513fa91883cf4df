"""Peers that are there no more, or hear nothing: noticed, and cut off without being waited for."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from cc_executor.settings import load_settings
from tests.server.raw import PING, PONG, TEXT, Gone, Raw, encoded
from tests.server.serving import Served, ServerProcess, eventually

MIB: Final = 1024 * 1024
QUICK: Final = {"ws_ping_interval": 0.2, "ws_ping_timeout": 0.3}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path / "home", **QUICK) as served:
        yield served


def test_a_dead_peer_is_noticed_within_45_seconds_unless_somebody_says_otherwise() -> None:
    settings = load_settings(environ={}, config_files=())
    assert settings.ws_ping_interval + settings.ws_ping_timeout <= 45


def test_a_peer_in_a_black_hole_is_cut_off_and_its_session_is_free(served: Served) -> None:
    """Nothing comes from it and nothing ends: as when a cable is pulled."""
    with served.connect() as hole, served.connect() as good:
        hole.opened(served.token)
        good.opened(served.token)
        pings = 0
        while served.metric("sessions") > 1.0:
            frame = good.frame()  # one ping after the other: the clock of this test
            assert frame.opcode == PING
            good.send(encoded(PONG, frame.payload))
            pings += 1
            assert pings < 100, "the dead peer was never noticed"
        assert pings >= 1, "it was given the time that the setting says"
        assert "result" in good.call("status")
        assert hole.closing().code == 1011


def test_a_pong_of_another_ping_is_no_sign_of_life(served: Served) -> None:
    with served.connect() as raw:
        raw.opened(served.token)
        assert raw.frame().opcode == PING
        raw.send(encoded(PONG, b"????"))
        assert raw.closing().code == 1011


def test_a_peer_that_answers_pings_need_say_nothing_else(served: Served) -> None:
    with served.connect() as raw:
        raw.opened(served.token)
        for _ in range(8):
            frame = raw.frame()
            assert frame.opcode == PING
            raw.send(encoded(PONG, frame.payload))
        assert "result" in raw.call("status")


def _deaf(served: Served | ServerProcess) -> Raw:
    """Return a connection whose peer takes in as little as a kernel allows."""
    raw = served.connect()
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return raw.opened(served.token)


def _flood(raw: Raw, data: bytes, look: Callable[[], object]) -> bool:
    """Send the same for as long as the server takes it, 256 MiB at most; return what `look` says."""
    with contextlib.suppress(Gone, TimeoutError):
        for _ in range(256 * MIB // len(data)):
            raw.send(data)
            if not look():
                return False
    return True


def _grown(served: ServerProcess, before: int) -> int:
    return served.resident_bytes() - before


def test_a_peer_that_asks_and_never_reads_is_cut_off(served: Served) -> None:
    call = encoded(TEXT, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "status"}).encode())
    with _deaf(served) as raw:
        _flood(raw, call * 1000, lambda: True)
        eventually(lambda: served.metric("connections") == 1.0)
        assert served.metric("sessions") == 0.0


def test_pings_of_a_peer_that_never_reads_cost_no_memory(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "home", ws_ping_interval=2, ws_ping_timeout=2) as served:
        with _deaf(served) as raw:
            before = served.resident_bytes()
            flood = encoded(PING, b"p" * 125) * 8000
            assert _flood(raw, flood, lambda: _grown(served, before) < 32 * MIB)
        eventually(lambda: served.metric("connections") == 1.0)


def test_a_peer_that_does_not_answer_our_goodbye_is_not_waited_for(tmp_path: Path) -> None:
    served = Served(tmp_path / "home")
    with served:
        raw = _deaf(served)
        request = served.connect()
        request.send(b"GET /healthz HTTP/1.1\r\nHost: loc")
        served.stop()  # bounded: it fails when the server does not end
    raw.rest()
    raw.close()
    request.rest()
    request.close()
