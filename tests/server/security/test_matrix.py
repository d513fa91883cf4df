"""Origin x host x token x transport, each cell against a running server.

What is expected stands in the tables here, one verdict a value; nothing of the guard is asked.
"""

from __future__ import annotations

import contextlib
import itertools
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import pytest

from cc_executor.model.principals import Scope
from cc_executor.store.tokens import TokenFiles
from tests.server.raw import Answer, Gone, Raw
from tests.server.serving import Served
from tests.server.tls import certificate, trusting

Lines = list[tuple[str, str]]

ALLOWED: Final = "https://tasks.example"
SITE: Final = "Sec-Fetch-Site"

#: Name, what the request says, whether the server may take it.
ORIGINS: Final[tuple[tuple[str, Lines, bool], ...]] = (
    ("none", [], True),
    ("allowed", [("Origin", ALLOWED)], True),
    ("allowed, cross-site", [("Origin", ALLOWED), (SITE, "cross-site")], True),
    ("none, same-origin", [(SITE, "same-origin")], True),
    ("another", [("Origin", "https://evil.example")], False),
    ("another port", [("Origin", f"{ALLOWED}:8443")], False),
    ("begins like it", [("Origin", f"{ALLOWED}.evil.example")], False),
    ("null", [("Origin", "null")], False),
    ("two", [("Origin", ALLOWED), ("Origin", ALLOWED)], False),
    ("none, cross-site", [(SITE, "cross-site")], False),
)
#: `PORT` stands for the server's.
HOSTS: Final[tuple[tuple[str, list[str], bool], ...]] = (
    ("localhost", ["localhost:PORT"], True),
    ("IPv4", ["127.0.0.1"], True),
    ("IPv6", ["[::1]:PORT"], True),
    ("allowed", ["tasks.example"], True),
    ("rebound", ["evil.example:PORT"], False),
    ("begins like it", ["localhost.evil.example"], False),
    ("missing", [], False),
    ("two", ["localhost", "localhost"], False),
)
#: Which tokens a request shows, where; whether that says who it is.
TOKENS: Final[tuple[tuple[str, list[str], bool], ...]] = (
    ("none", [], False),
    ("own", ["own"], True),
    ("given", ["given"], True),
    ("wrong", ["wrong"], False),
    ("revoked", ["revoked"], False),
    ("expired", ["expired"], False),
    ("two", ["own", "given"], False),
    ("in the address and a cookie", [], False),
)


class Transport(NamedTuple):
    """A way to the server.

    Attributes:
        method: Of the request.
        path: Of the request.
        accepted: Status of the answer to whoever has got in.
        socket: `tcp`, `unix` or `tls`.
        knows_peer: Whether the kernel tells who it is, so that no token is needed.
        by_subprotocol: Whether the token is shown as a subprotocol.
    """

    method: str
    path: str
    accepted: int
    socket: str = "tcp"
    knows_peer: bool = False
    by_subprotocol: bool = False


TRANSPORTS: Final[dict[str, Transport]] = {
    "WebSocket by header": Transport("WEBSOCKET", "/ws", 101),
    "WebSocket by subprotocol": Transport("WEBSOCKET", "/ws/mcp", 101, by_subprotocol=True),
    "GET": Transport("GET", "/executions", 200),
    # An empty list is refused by who reads it, and only those who got in reach that one.
    "POST": Transport("POST", "/execute", 422),
    "events": Transport("GET", "/executions/EXECUTION/events", 200),
    "Unix socket": Transport("GET", "/executions", 200, socket="unix", knows_peer=True),
    "TLS": Transport("GET", "/executions", 200, socket="tls"),
}
CELLS: Final = len(ORIGINS) * len(HOSTS) * len(TOKENS) * len(TRANSPORTS)


class Place(NamedTuple):
    """A server, and what is needed to ask it."""

    served: Served
    tokens: dict[str, str]
    execution: str
    connect: Callable[[], Raw]


def _given(files: TokenFiles) -> dict[str, str]:
    now = time.time()
    _, given = files.create("ann", [Scope.ADMIN], now_s=now)
    record, revoked = files.create("bob", [Scope.ADMIN], now_s=now)
    files.revoke(record.id)
    _, expired = files.create("cy", [Scope.ADMIN], now_s=now - 20, expires_at=now - 10)
    return {"given": given, "revoked": revoked, "expired": expired, "wrong": "x" * 43}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    """The same server in the clear with a Unix socket, and over TLS."""
    folder = tmp_path_factory.mktemp("matrix")
    made = certificate(folder)
    secure = trusting(made)
    unix = folder / "s"
    flags = {
        "allowed_origins": ALLOWED,
        "allowed_hosts": "tasks.example",
        "max_sessions": 10_000,
    }
    with (
        Served(folder / "plain", socket=unix, **flags) as plain,
        Served(folder / "tls", tls_cert=made.chain, tls_key=made.key, **flags) as tls,
    ):
        yield {
            "tcp": _place(plain, plain.connect),
            "unix": _place(plain, lambda: Raw(unix)),
            "tls": _place(tls, lambda: Raw(("127.0.0.1", tls.port), secure), secure),
        }


def _place(
    served: Served, connect: Callable[[], Raw], secure: ssl.SSLContext | None = None
) -> Place:
    tokens = {**_given(TokenFiles(served.home)), "own": served.token}
    with Raw(("127.0.0.1", served.port), secure) as raw:
        raw.request(
            "POST",
            "/execute?wait=true",
            [("Content-Type", "application/json")],
            token=served.token,
            body=b'{"tasks": [{"name": "one", "command": ["true"]}]}',
        )
        answer = raw.answer()
    assert answer.status == 200, answer
    # What was given a moment ago is known when it lets somebody in.
    gives_up_at = time.monotonic() + 20
    while True:
        with Raw(("127.0.0.1", served.port), secure) as raw:
            raw.request("GET", "/executions", token=tokens["given"])
            if raw.answer().status == 200:
                break
        assert time.monotonic() < gives_up_at
    return Place(served, tokens, answer.json()["execution_id"], connect)


def test_the_matrix_has_two_thousand_cells_at_least() -> None:
    assert CELLS >= 2_000


@pytest.mark.parametrize("name", TRANSPORTS)
def test_nobody_is_let_in_who_may_not_and_nobody_kept_out_who_may(
    name: str, places: dict[str, Place]
) -> None:
    transport = TRANSPORTS[name]
    place = places[transport.socket]
    wrong = []
    with contextlib.ExitStack() as stack:
        client = _Client(place, transport)
        stack.callback(client.close)
        for origin, host, token in itertools.product(ORIGINS, HOSTS, TOKENS):
            identified = token[2] or (transport.knows_peer and not token[1])
            expected = transport.accepted if identified else 401
            if not (origin[2] and host[2]):
                # No handshake has two origins: it is refused as such, before anybody asks whose.
                is_malformed = (
                    transport.method == "WEBSOCKET"
                    and len(origin[1]) == 2
                    and (origin[1][1][0] == "Origin")
                )
                expected = 400 if is_malformed else 403
            status = client.ask(origin[1], host[1], token)
            if status != expected:
                wrong.append((origin[0], host[0], token[0], expected, status))
    assert wrong == []


def test_whoever_was_kept_out_has_started_nothing(places: dict[str, Place]) -> None:
    """And who got in has asked for nothing that could be started."""
    ours = {places["tcp"].execution, places["unix"].execution}
    assert {one["execution_id"] for one in places["tcp"].served.executions()} == ours


class _Client:
    """Asks again and again; over one connection where the server leaves it open."""

    def __init__(self, place: Place, transport: Transport) -> None:
        self._place = place
        self._transport = transport
        self._raw: Raw | None = None

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def ask(self, origin: Lines, host: list[str], token: tuple[str, list[str], bool]) -> int:
        port = str(self._place.served.port)
        lines = [("Host", one.replace("PORT", port)) for one in host] + origin
        shown = [self._place.tokens[one] for one in token[1]]
        if self._transport.by_subprotocol:
            offered = ", ".join(["jsonrpc", *(f"bearer.{one}" for one in shown)])
            lines.append(("Sec-WebSocket-Protocol", offered))
        else:
            lines += [("Authorization", f"Bearer {one}") for one in shown]
        path = self._transport.path.replace("EXECUTION", self._place.execution)
        if "cookie" in token[0]:
            own = self._place.tokens["own"]
            path += f"?token={own}&access_token={own}"
            lines.append(("Cookie", f"token={own}; Authorization=Bearer {own}"))
        if self._transport.method == "WEBSOCKET":
            return self._upgraded(path, lines)
        try:
            return self._requested(path, lines).status
        except Gone:  # it was kept for long enough
            self.close()
            return self._requested(path, lines).status

    def _requested(self, path: str, lines: Lines) -> Answer:
        raw = self._raw = self._raw or self._place.connect()
        if self._transport.method == "POST":
            lines = [*lines, ("Content-Type", "application/json")]
            raw.request("POST", path, lines, host=None, body=b'{"tasks": []}')
        else:
            raw.request("GET", path, lines, host=None)
        return raw.answer()

    def _upgraded(self, path: str, lines: Lines) -> int:
        with self._place.connect() as raw:
            answer = raw.upgrade(lines, path=path, host=None)
            if answer.status == 101:
                assert b'"connected"' in raw.frame().payload
            return answer.status
