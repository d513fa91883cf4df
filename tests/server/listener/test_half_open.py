"""Peers that begin and do not go on."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.server.raw import Gone, Raw
from tests.server.serving import Served, eventually
from tests.server.tls import certificate

HALF_OPEN: Final = 2_000
#: What each of them has sent when it stops.
BEGINNINGS: Final = (
    b"",
    b"G",
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upg",
    b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{",
    b"\x16\x03\x01",
)


@contextmanager
def descriptors(wanted: int) -> Iterator[None]:
    """Have this many descriptors: both ends of every connection lie in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= wanted, "this machine allows too few"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("allowed", [64, 2 * HALF_OPEN], ids=["few allowed", "all allowed"])
def test_two_thousand_half_open_handshakes_keep_nobody_out_and_are_gone_in_time(
    allowed: int, tmp_path: Path
) -> None:
    with (
        descriptors(3 * HALF_OPEN),
        Served(
            tmp_path / "home",
            handshake_timeout_s=2.0,
            max_unauthenticated=allowed,
            max_connections=2 * HALF_OPEN,
        ) as served,
        ExitStack() as stack,
    ):
        crowd = []
        for number in range(HALF_OPEN):
            raw = stack.enter_context(served.connect())
            with_what = BEGINNINGS[number % len(BEGINNINGS)]
            if with_what:
                raw.socket.send(with_what)
            crowd.append(raw)
            if number % 500 == 499:
                with served.connect() as good:
                    assert "result" in good.opened(served.token).call("status")
        assert served.metric("unauthenticated_connections") <= allowed
        eventually(lambda: served.metric("connections") == 1.0)
        for raw in crowd:
            raw.rest()  # returns: nobody is left waiting


@pytest.mark.parametrize("beginning", BEGINNINGS[:3], ids=["nothing", "a byte", "half a head"])
def test_a_head_that_does_not_come_ends_with_408(beginning: bytes, tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", handshake_timeout_s=0.2) as served,
        served.connect() as raw,
    ):
        raw.send(beginning)
        assert raw.rest().startswith(b"HTTP/1.1 408 ")


def test_bytes_that_dribble_in_win_no_time(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", handshake_timeout_s=0.5) as served,
        served.connect() as raw,
    ):
        raw.socket.settimeout(0.02)
        assert _dribbled(raw) in (b"", b"H"), "reset, closed, or the first byte of a refusal"


def _dribbled(raw: Raw) -> bytes:
    """Send a head that never ends, byte by byte, until the server has had enough."""
    try:
        for _ in range(100_000):
            raw.send(b"a")
            try:
                return raw.socket.recv(1)
            except TimeoutError:
                continue
    except (Gone, ConnectionError):
        return b""
    raise AssertionError("a head of 100,000 bytes was awaited")


def test_the_next_head_of_a_connection_has_to_come_in_time_too(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", handshake_timeout_s=0.2) as served,
        served.connect() as raw,
    ):
        raw.request("GET", "/executions", token=served.token)
        assert raw.answer().status == 200
        raw.send(b"GET /executions HT")
        assert raw.rest().startswith(b"HTTP/1.1 408 ")


def test_whoever_was_refused_before_the_end_of_a_body_cannot_stay_for_it(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", handshake_timeout_s=0.2) as served,
        served.connect() as raw,
    ):
        raw.send(
            b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n{"
        )
        assert raw.answer().status == 401
        raw.send(b" ")
        assert raw.rest() == b""


def test_a_tls_handshake_has_to_come_to_its_end_in_time(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    with (
        Served(
            tmp_path / "home", tls_cert=made.chain, tls_key=made.key, handshake_timeout_s=0.2
        ) as served,
        served.connect() as silent,
        served.connect() as half,
    ):
        half.send(b"\x16\x03\x01\x00\xa5\x01")
        for raw in (silent, half):
            raw.rest()


def test_a_body_that_does_not_come_ends_with_408(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", handshake_timeout_s=0.2) as served,
        served.connect() as raw,
    ):
        raw.send(
            b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            b"Content-Type: application/json\r\nAuthorization: Bearer "
            + served.token.encode()
            + b'\r\n\r\n{"tasks": ['
        )
        answer = raw.answer()
        assert answer.status == 408
        assert answer.json()["error"]["code"] == "limit.slow"
        assert raw.rest() == b""


def test_the_most_connections_are_counted_exactly(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", max_connections=4) as served,
        ExitStack() as stack,
    ):
        known = [stack.enter_context(served.connect()).opened(served.token) for _ in range(4)]
        with served.connect() as more:
            assert more.rest() == b""
        for raw in known:
            assert "result" in raw.call("status")
        known[0].close()
        eventually(lambda: _gets_in(served))


def _gets_in(served: Served) -> bool:
    with Raw(("127.0.0.1", served.port)) as raw:
        try:
            raw.request("GET", "/executions", token=served.token)
            return raw.answer().status == 200
        except Gone:
            return False
