"""Where a server may listen, and who reaches it there."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

import pytest

from cc_executor.errors import InvalidSetting, ServerUnavailable
from cc_executor.server.security.binding import check_binding, is_loopback
from tests.server.raw import Raw
from tests.server.serving import Served, settings_of
from tests.server.tls import certificate, trusting

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - what must be refused


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST"])
def test_loopback_is_what_nobody_else_can_reach(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [EVERYWHERE, "::", "10.0.0.1", "192.168.1.2", "localhost.evil.example", "example.org", ""],
)
def test_everything_else_is_beyond(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"host": EVERYWHERE}, "host"),
        ({"host": "::"}, "host"),
        ({"host": "example.org"}, "host"),
        ({"host": EVERYWHERE, "insecure_no_auth": True}, "insecure_no_auth"),
        ({"host": EVERYWHERE, "insecure_no_auth": True, "tls_cert": "c", "tls_key": "k"}, "insecure_no_auth"),
        ({"insecure_no_auth": True, "trusted_proxies": "10.0.0.1"}, "insecure_no_auth"),
        ({"trusted_proxies": "nginx"}, "trusted_proxies"),
        ({"trusted_proxies": "10.0.0.0/8"}, "trusted_proxies"),
        ({"tls_cert": "c"}, "tls_key"),
        ({"host": EVERYWHERE, "tls_key": "k"}, "tls_cert"),
    ],
)  # fmt: skip
def test_a_server_that_others_could_reach_unprotected_does_not_start(
    flags: dict[str, object], named: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidSetting) as refused, Served(tmp_path / "home", **flags):
        pass
    assert refused.value.name == named
    assert not (tmp_path / "home").exists(), "nothing may be touched before that is known"


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"insecure_no_auth": True},
        {"host": EVERYWHERE, "tls_cert": "c", "tls_key": "k"},
        {"host": EVERYWHERE, "trusted_proxies": "10.0.0.1,fd00::1"},
    ],
)
def test_what_is_protected_may_listen(flags: dict[str, object], tmp_path: Path) -> None:
    check_binding(settings_of(tmp_path, **flags))


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*.example", "https://a.example/", "HTTPS://a.example", "a.example", "https://"],
)  # fmt: skip
def test_an_origin_that_stands_for_strangers_is_no_setting(origin: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting):
        settings_of(tmp_path, allowed_origins=origin)


@pytest.mark.parametrize(
    "origin", ["https://a.example", "http://localhost:3000", "http://[::1]:3000", "vscode-webview://ab"]
)  # fmt: skip
def test_an_origin_as_browsers_send_it_is_one(origin: str, tmp_path: Path) -> None:
    assert settings_of(tmp_path, allowed_origins=origin).allowed_origins == (origin,)


def _from(address: str, served: Served) -> Raw:
    """Return a connection from another address of loopback: to the server it is another machine's."""
    raw = Raw(("127.0.0.1", served.port), source=address)
    assert raw.socket.getsockname()[0] == address
    return raw


def test_behind_a_proxy_only_the_proxy_and_this_machine_reach_the_server(tmp_path: Path) -> None:
    with Served(tmp_path / "home", trusted_proxies="127.0.0.7") as served:
        for address in ("127.0.0.1", "127.0.0.7"):
            with _from(address, served) as raw:
                raw.request("GET", "/executions", token=served.token)
                assert raw.answer().status == 200
        with _from("127.0.0.8", served) as raw:
            assert raw.rest() == b""


def test_the_proxy_needs_a_token_like_everybody(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", trusted_proxies="127.0.0.7") as served,
        _from("127.0.0.7", served) as raw,
    ):
        raw.request("GET", "/executions", [("X-Forwarded-For", "127.0.0.1")])
        assert raw.answer().status == 401


def test_a_server_with_tls_speaks_nothing_else(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    with Served(
        tmp_path / "home", host=EVERYWHERE, tls_cert=made.chain, tls_key=made.key
    ) as served:
        with Raw(("127.0.0.1", served.port), trusting(made)) as raw:
            assert raw.opened(served.token).call("status")["result"]["session"]
        with served.connect() as raw:
            raw.request("GET", "/healthz")
            assert not raw.rest().startswith(b"HTTP/")


@pytest.mark.parametrize("what", ["missing", "swapped"])
def test_a_certificate_that_cannot_be_used_is_refused_by_name(what: str, tmp_path: Path) -> None:
    made = certificate(tmp_path)
    chain, key = (tmp_path / "none", made.key) if what == "missing" else (made.key, made.chain)
    with (
        pytest.raises(InvalidSetting, match="tls_cert"),
        Served(tmp_path / "home", tls_cert=chain, tls_key=key),
    ):
        pass


def test_the_unix_socket_is_its_users_only(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Served(tmp_path / "home", socket=path) as served:
        assert path.stat().st_mode & 0o777 == 0o600
        assert served.running is not None
        assert f"unix://{path}" in served.running.urls
    assert not path.exists()


def test_the_socket_of_a_killed_server_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with Served(tmp_path / "home", socket=path), Raw(path) as raw:
        raw.request("GET", "/executions")
        assert raw.answer().status == 200


def test_the_socket_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as others:
        others.bind(str(path))
        others.listen()
        with (
            pytest.raises(ServerUnavailable, match="another program"),
            Served(tmp_path / "home", socket=path),
        ):
            pass
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))


def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(ServerUnavailable), Served(tmp_path / "home", socket=path):
        pass
    assert path.read_text() == "mine"
