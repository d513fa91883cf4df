"""One byte, one call, one stream too many: refused, told why, and nothing grows."""

from __future__ import annotations

import json
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from cc_executor.model.sessions import LEASE_S
from tests.server.raw import BINARY, CONT, TEXT, Gone, Raw, encoded
from tests.server.serving import Served, ServerProcess, eventually

MIB: Final = 1024 * 1024
JSON: Final = [("Content-Type", "application/json")]
#: Sends requests of which one is waited for in turn: they stay unanswered while the first runs.
SLEEP: Final = {"command": ["sleep", "30"]}


# --- heads and bodies ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [b"a: " + b"b" * 70_000, b"a: b\r\n" * 14_000, b"a" * 70_000 + b": b"],
    ids=["one long value", "many lines", "one long name"],
)
@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["no end", "with its end"])
def test_a_head_that_is_too_large_ends_with_431(line: bytes, end: bytes, tmp_path: Path) -> None:
    with Served(tmp_path / "home") as served, served.connect() as raw:
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + line + end)
        assert raw.rest().startswith(b"HTTP/1.1 431 ")


def test_an_address_that_is_too_large_ends_with_431(tmp_path: Path) -> None:
    with Served(tmp_path / "home") as served, served.connect() as raw:
        raw.send(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.rest().startswith(b"HTTP/1.1 431 ")


def test_a_head_that_is_just_small_enough_is_taken(tmp_path: Path) -> None:
    with Served(tmp_path / "home") as served, served.connect() as raw:
        raw.request("GET", "/healthz", [("X", "a" * 60_000)])
        assert raw.answer().status == 200
        raw.request("GET", "/healthz", [("X", "a" * 60_000)])
        assert raw.answer().status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: localhost\nContent-Length: -1\n\n",
        b"POST /execute HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ],
    ids=["two lengths", "length and chunks", "space before colon", "folded", "negative", "odd coding", "binary"],
)  # fmt: skip
def test_a_head_that_two_readers_could_read_differently_is_refused(
    head: bytes, tmp_path: Path
) -> None:
    with Served(tmp_path / "home") as served, served.connect() as raw:
        raw.send(head)
        assert raw.rest().startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "in chunks"])
def test_a_body_of_one_byte_too_many_ends_with_413(*, is_chunked: bool, tmp_path: Path) -> None:
    with Served(tmp_path / "home", ws_max_size=MIB) as served:
        for size, status in ((MIB, 422), (MIB + 1, 413)):
            body = b'{"tasks": []' + b" " * (size - 13) + b"}"
            with served.connect() as raw:
                if is_chunked:
                    raw.request(
                        "POST", "/execute", [*JSON, ("Transfer-Encoding", "chunked")],
                        token=served.token,
                    )  # fmt: skip
                    raw.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
                else:
                    raw.request("POST", "/execute", JSON, token=served.token, body=body)
                assert raw.answer().status == status


# --- messages ------------------------------------------------------------------------------------


def test_a_message_of_one_byte_too_many_closes_with_1009(tmp_path: Path) -> None:
    with Served(tmp_path / "home", ws_max_size=MIB) as served:
        for pieces in (1, 4):
            with served.connect() as raw:
                raw.opened(served.token)
                raw.send(_in_pieces(b" " * MIB, pieces))
                assert raw.answer_to(None)["error"]["code"] == -32700
                raw.send(_in_pieces(b" " * (MIB + 1), pieces))
                assert raw.closing().code == 1009


def _in_pieces(data: bytes, count: int) -> bytes:
    size = -(-len(data) // count)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(
        encoded(CONT if number else TEXT, piece, fin=number == len(pieces) - 1)
        for number, piece in enumerate(pieces)
    )


def test_the_limit_is_ten_mebibytes_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    with Served(tmp_path / "home") as served, served.connect() as raw:
        raw.opened(served.token)
        raw.send(encoded(TEXT, b" " * (10 * MIB)))
        assert raw.answer_to(None)["error"]["code"] == -32700
        raw.send(encoded(TEXT, b" " * (10 * MIB + 1)))
        assert raw.closing().code == 1009


def test_too_large_a_message_takes_less_memory_than_twice_the_limit(tmp_path: Path) -> None:
    limit = 8 * MIB
    with ServerProcess(tmp_path / "home", ws_max_size=limit) as served:
        with served.connect() as raw:
            raw.opened(served.token).call("status")
        before = served.resident_bytes()
        for length, pieces in ((limit + 1, 1), (limit + 1, 16), (1 << 40, 0)):
            with served.connect() as raw:
                raw.opened(served.token)
                if pieces:
                    _send_all(raw, _in_pieces(b" " * length, pieces))
                else:
                    raw.send(encoded(BINARY, b"{}", length=length))
                assert raw.closing().code == 1009
        assert served.peak_bytes() - before < 2 * limit


def _send_all(raw: Raw, data: bytes) -> None:
    """Send what the server may refuse before it has read all of it."""
    try:
        raw.send(data)
    except Gone as gone:
        raise AssertionError("cut off while it was still sending: it never reads why") from gone


def test_a_peer_that_is_still_sending_reads_why_it_is_refused(tmp_path: Path) -> None:
    with Served(tmp_path / "home", ws_max_size=MIB) as served, served.connect() as raw:
        raw.opened(served.token)
        raw.send(encoded(TEXT, b"", length=64 * MIB))
        for _ in range(64):
            _send_all(raw, b" " * MIB)
        assert raw.closing().code == 1009


def test_four_hundred_thousand_fragments_of_one_byte_are_too_many(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "home") as served:
        with served.connect() as raw:
            raw.opened(served.token).call("status")
        before = served.resident_bytes()
        with served.connect() as raw:
            raw.opened(served.token)
            fragment = encoded(CONT, b" ", fin=False)
            _send_all(raw, encoded(TEXT, b" ", fin=False) + fragment * 399_999)
            closing = raw.closing()
        assert closing.code == 1008
        assert b"fragments" in closing.payload
        assert served.peak_bytes() - before < 20 * MIB


def test_as_many_fragments_as_are_allowed_are_a_message(tmp_path: Path) -> None:
    with Served(tmp_path / "home", max_fragments=8) as served, served.connect() as raw:
        raw.opened(served.token)
        raw.send(_in_pieces(b" " * 16, 8))
        assert raw.answer_to(None)["error"]["code"] == -32700
        raw.send(_in_pieces(b" " * 18, 9))
        assert raw.closing().code == 1008


def test_empty_fragments_are_fragments(tmp_path: Path) -> None:
    with Served(tmp_path / "home", max_fragments=8) as served, served.connect() as raw:
        raw.opened(served.token)
        raw.send(encoded(TEXT, fin=False) + encoded(CONT, fin=False) * 8)
        assert raw.closing().code == 1008


def test_a_bomb_of_deflate_is_refused_when_it_has_grown_to_the_limit(tmp_path: Path) -> None:
    limit = 2 * MIB
    with ServerProcess(tmp_path / "home", ws_max_size=limit, ws_deflate=True) as served:
        with served.connect() as raw:
            raw.opened(served.token).call("status")
        before = served.resident_bytes()
        for grown in (32 * limit, 2 * limit):
            with served.connect() as raw:
                answer = raw.upgrade(
                    [("Sec-WebSocket-Extensions", "permessage-deflate")], token=served.token
                )
                assert "permessage-deflate" in answer.headers["sec-websocket-extensions"]
                raw.send(encoded(TEXT, _deflated(grown), rsv=4))
                assert raw.closing().code == 1009
        assert served.peak_bytes() - before < 8 * limit


def _deflated(size: int) -> bytes:
    """Return so many spaces as one message of permessage-deflate. Source: RFC 7692, 7.2.1."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    packed = b"".join(packer.compress(b" " * MIB) for _ in range(size // MIB))
    return (packed + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


def test_deflate_is_not_spoken_unless_it_was_asked_for(tmp_path: Path) -> None:
    with Served(tmp_path / "home") as served, served.connect() as raw:
        answer = raw.upgrade(
            [("Sec-WebSocket-Extensions", "permessage-deflate")], token=served.token
        )
        assert answer.status == 101
        assert "sec-websocket-extensions" not in answer.headers


# --- what messages ask for -----------------------------------------------------------------------


def test_depth_and_batches_beyond_their_limits_are_refused_as_a_whole(tmp_path: Path) -> None:
    with (
        Served(tmp_path / "home", max_json_depth=8, max_batch=4) as served,
        served.connect() as raw,
    ):
        raw.opened(served.token)
        raw.send(encoded(TEXT, b"[" * 9 + b"]" * 9))
        assert raw.answer_to(None)["error"]["code"] == -32700
        raw.send(encoded(TEXT, b"[" * 5_000_000))
        assert raw.answer_to(None)["error"]["code"] == -32700
        call = {"jsonrpc": "2.0", "id": 1, "method": "status"}
        raw.send(encoded(TEXT, json.dumps([call] * 5).encode()))
        assert raw.answer_to(None)["error"]["code"] == -32600
        raw.send(encoded(TEXT, json.dumps([call] * 4).encode()))
        assert len(json.loads(raw.frame().payload)) == 4


def test_unanswered_requests_are_counted_one_by_one(tmp_path: Path) -> None:
    """The first runs, the others queue behind it: all of them are unanswered until it ends."""
    with Served(tmp_path / "home", max_outstanding=4) as served, served.connect() as raw:
        raw.opened(served.token)
        started = raw.call("execute", SLEEP, ident="first")["result"]
        waiting = [_call("execute", SLEEP, ident=number) for number in range(4)]
        raw.send(encoded(TEXT, json.dumps(waiting).encode()))
        refused = raw.call("status", ident="more")
        assert refused["error"]["data"]["code"] == "limit.reached"
        raw.send(encoded(TEXT, json.dumps([_call("status", ident="in a batch")]).encode()))
        answers = _next(raw, list)
        assert [one["id"] for one in answers] == ["in a batch"]
        raw.send(encoded(TEXT, b"?"))
        assert raw.answer_to(None)["error"]["code"] == -32700
        with served.connect() as other:  # one connection's queue is nobody else's
            other.opened(served.token)
            cancelled = other.call("execution.cancel", {"execution_id": started["execution_id"]})
            assert "result" in cancelled


def test_notifications_are_not_a_way_around_the_limit(tmp_path: Path) -> None:
    with Served(tmp_path / "home", max_outstanding=2) as served, served.connect() as raw:
        raw.opened(served.token)
        first = raw.call("execute", SLEEP, ident="first")["result"]["execution_id"]
        silent = encoded(TEXT, json.dumps(_call("execute", SLEEP)).encode())
        raw.send(silent * 50)
        assert raw.call("status", ident="s")["error"]["data"]["code"] == "limit.reached"
        assert [one["execution_id"] for one in served.executions()] == [first]


def _call(method: str, params: object = None, *, ident: object = None) -> dict[str, Any]:
    call: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        call["params"] = params
    if ident is not None:
        call["id"] = ident
    return call


def _next(raw: Raw, kind: type) -> Any:
    while not isinstance(said := json.loads(raw.frame().payload), kind):
        pass
    return said


def test_a_connection_follows_so_many_streams_and_no_more(tmp_path: Path) -> None:
    with Served(tmp_path / "home", max_subscriptions=2) as served, served.connect() as raw:
        raw.opened(served.token)
        one = raw.call("execute", SLEEP)["result"]["execution_id"]
        answers = [
            raw.call("stream.subscribe", {"execution_id": one}, ident=f"s{number}")
            for number in range(3)
        ]
        assert ["error" in answer for answer in answers].count(True) >= 1
        assert answers[-1]["error"]["data"]["code"] == "limit.reached"


def test_the_rate_counts_requests_of_a_principal_on_every_door(tmp_path: Path) -> None:
    with Served(tmp_path / "home", rate_per_minute=5) as served:
        with served.connect() as raw:
            raw.opened(served.token)  # one
            for _ in range(2):
                assert "result" in raw.call("status")
        with served.connect() as raw:
            statuses = []
            for _ in range(4):
                raw.request("GET", "/executions", token=served.token)
                statuses.append(raw.answer())
            assert [answer.status for answer in statuses][:2] == [200, 200]
            assert statuses[-1].status == 429
            assert int(statuses[-1].headers["retry-after"]) >= 1
            raw.request("GET", "/healthz")
            assert raw.answer().status == 200, "what needs no token is charged to nobody"


def test_whoever_asks_for_nothing_is_sent_away(tmp_path: Path) -> None:
    with Served(tmp_path / "home", session_timeout=0.3) as served:
        with served.connect() as raw:
            raw.opened(served.token)
            assert raw.closing().code == 1001
        with served.connect() as raw:
            raw.opened(served.token)
            one = raw.call("execute", {"command": ["sleep", "1.2"]})["result"]["execution_id"]
            raw.call("stream.subscribe", {"execution_id": one})
            while b"process.completed" not in raw.frame().payload:
                pass  # following a stream is reason enough to stay


# --- sessions ------------------------------------------------------------------------------------


def test_sessions_are_counted_exactly(tmp_path: Path) -> None:
    with Served(tmp_path / "home", max_sessions=3) as served, ExitStack() as stack:
        held = [stack.enter_context(served.connect()).opened(served.token) for _ in range(3)]
        with served.connect() as more:
            assert more.upgrade(token=served.token).status == 101
            refused = json.loads(more.frame().payload)
            assert (refused["id"], refused["error"]["code"]) == (None, -32003)
            assert more.closing().code == 1013
        held[0].close()
        eventually(lambda: _can_open(served))
        eventually(lambda: served.metric("sessions") == 2.0)


def _can_open(served: Served | ServerProcess) -> bool:
    with served.connect() as raw:
        assert raw.upgrade(token=served.token).status == 101
        return bool(json.loads(raw.frame().payload).get("method") == "connected")


@pytest.mark.chaos
def test_sessions_of_a_killed_server_keep_nobody_out_for_longer_than_a_lease(
    tmp_path: Path,
) -> None:
    with ServerProcess(tmp_path / "home", max_sessions=2) as served:
        for _ in range(2):  # a crash after a crash does not add up
            with ExitStack() as stack:
                for _ in range(2):
                    stack.enter_context(served.connect()).opened(served.token)
                served.kill()
            served.start()
            eventually(lambda: _can_open(served), within_s=2 * LEASE_S)
            assert served.metric("sessions") <= 1.0
