"""RFC 6455, case by case, against a real server through a client that breaks any rule it is told to.

It stands in for the Autobahn suite, which needs Python 2 or a container. A case that does not end as
a strict reader of the RFC would want says why in `because`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

import pytest

from tests.server.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame, Gone, Raw, encoded
from tests.server.serving import Served

#: A message that is answered, so that it is seen how it was understood.
CALL: Final = (
    b'{"jsonrpc": "2.0", "id": "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "method": "nothing"}'
)
LIMIT: Final = 1024 * 1024


class Case(NamedTuple):
    """What is sent, and what comes back.

    Attributes:
        sent: Bytes.
        close: Code of the close frame that comes; None: the connection lives on.
        pongs: Payloads of the pongs that come.
        answers: How many messages are answered.
        because: Why it is not as a strict reader would want.
    """

    sent: bytes
    close: int | None = None
    pongs: tuple[bytes, ...] = ()
    answers: int = 0
    because: str = ""


def _close(code: int | None, reason: bytes = b"") -> bytes:
    return encoded(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def _cut(data: bytes, *at: int) -> bytes:
    edges = [0, *at, len(data)]
    parts = [data[low:high] for low, high in pairwise(edges)]
    return b"".join(
        encoded(CONT if number else TEXT, part, fin=number == len(parts) - 1)
        for number, part in enumerate(parts)
    )


def _padded(size: int) -> bytes:
    return CALL + b" " * (size - len(CALL))


BAD_UTF8: Final = {
    "lone continuation": b"\x80",
    "overlong slash": b"\xc0\xaf",
    "overlong euro": b"\xf0\x82\x82\xac",
    "surrogate": b"\xed\xa0\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "cut short": b"\xe2\x82",
    "never a byte": b"\xfe\xff",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "Latin-1": b"caf\xe9",
}

CASES: Final[dict[str, Case]] = {
    # --- framing ---------------------------------------------------------------------------------
    **{
        f"text of {size} bytes": Case(encoded(TEXT, _padded(size)), answers=1)
        for size in (len(CALL), 125, 126, 127, 128, 65_535, 65_536, 65_537, LIMIT)
    },
    **{
        f"binary of {size} bytes": Case(encoded(BINARY, _padded(size)), answers=1)
        for size in (125, 126, 65_535, 65_536)
    },
    "an empty text": Case(encoded(TEXT), answers=1),
    "two messages in one packet": Case(encoded(TEXT, CALL) * 2, answers=2),
    "not masked": Case(encoded(TEXT, CALL, masked=False), close=1002),
    "a ping that is not masked": Case(encoded(PING, masked=False), close=1002),
    "one byte above the limit": Case(encoded(TEXT, _padded(LIMIT + 1)), close=1009),
    "says it is enormous": Case(encoded(TEXT, b"{", length=(1 << 63) - 1), close=1009),
    "says more than 63 bits": Case(
        encoded(TEXT, b"{", length=(1 << 64) - 1),
        close=1009,
        because="RFC 5.2 wants 0 as its first bit; it is too large before that matters",
    ),
    "a length of 16 bits that needs 7": Case(
        struct.pack("!BBH", 0x81, 0x80 | 126, 2) + bytes(4) + b"{}",
        answers=1,
        because="RFC 5.2 wants the shortest form of a sender; a reader may take any",
    ),
    # --- pings and pongs -------------------------------------------------------------------------
    "a ping": Case(encoded(PING), pongs=(b"",)),
    "a ping with something": Case(encoded(PING, b"hello"), pongs=(b"hello",)),
    "a ping with bytes": Case(encoded(PING, b"\x00\xff\xfe"), pongs=(b"\x00\xff\xfe",)),
    "a ping of 125 bytes": Case(encoded(PING, b"p" * 125), pongs=(b"p" * 125,)),
    "a ping of 126 bytes": Case(encoded(PING, b"p" * 126), close=1002),
    "ten pings": Case(
        b"".join(encoded(PING, b"%d" % n) for n in range(10)),
        pongs=tuple(b"%d" % n for n in range(10)),
    ),
    "a pong that nobody asked for": Case(encoded(PONG, b"x")),
    "a pong, then a ping": Case(encoded(PONG) + encoded(PING, b"x"), pongs=(b"x",)),
    "a ping in two parts": Case(encoded(PING, b"x", fin=False), close=1002),
    "a pong in two parts": Case(encoded(PONG, b"x", fin=False), close=1002),
    # --- reserved bits and opcodes ---------------------------------------------------------------
    **{
        f"reserved bits {rsv}": Case(encoded(TEXT, CALL, rsv=rsv), close=1002)
        for rsv in range(1, 8)
    },
    "a ping with reserved bits": Case(encoded(PING, rsv=1), close=1002),
    "a close with reserved bits": Case(encoded(CLOSE, rsv=7), close=1002),
    "a continuation with reserved bits": Case(
        encoded(TEXT, b"{", fin=False) + encoded(CONT, b"}", rsv=2), close=1002
    ),
    **{
        f"opcode {one}": Case(encoded(one), close=1002)
        for one in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    # --- fragments -------------------------------------------------------------------------------
    "two parts": Case(_cut(CALL, 10), answers=1),
    "a part for each byte": Case(_cut(CALL, *range(1, len(CALL))), answers=1),
    "empty parts": Case(_cut(CALL, 0, 10, 10, 20), answers=1),
    "a binary message in parts": Case(
        encoded(BINARY, CALL[:9], fin=False) + encoded(CONT, CALL[9:]), answers=1
    ),
    "a ping between parts": Case(
        encoded(TEXT, CALL[:9], fin=False) + encoded(PING, b"x") + encoded(CONT, CALL[9:]),
        pongs=(b"x",),
        answers=1,
    ),
    "a text between parts": Case(encoded(TEXT, b"{", fin=False) + encoded(TEXT, CALL), close=1002),
    "a binary message between parts": Case(
        encoded(TEXT, b"{", fin=False) + encoded(BINARY, CALL), close=1002
    ),
    "a continuation of nothing": Case(encoded(CONT, CALL), close=1002),
    "an open continuation of nothing": Case(encoded(CONT, CALL, fin=False), close=1002),
    "a continuation after the last": Case(
        _cut(CALL, 10) + encoded(CONT, CALL),
        close=1002,
        because="the message before it is dropped unread when both come in one packet",
    ),
    "too large in parts": Case(
        encoded(TEXT, b" " * LIMIT, fin=False) + encoded(CONT, b" "), close=1009
    ),
    # --- UTF-8 -----------------------------------------------------------------------------------
    "characters cut in two": Case(
        _cut(CALL, *(CALL.index(b"\xf0\x9f") + n for n in range(4))), answers=1
    ),
    **{
        f"text that is {name}": Case(encoded(TEXT, b'"' + bad + b'"'), close=1007)
        for name, bad in BAD_UTF8.items()
    },
    **{
        f"parts that are {name}": Case(_cut(b'"' + bad + b'"', 2), close=1007)
        for name, bad in BAD_UTF8.items()
    },
    "a noncharacter": Case(encoded(TEXT, b'"\xef\xbf\xbf"'), answers=1),
    "a NUL": Case(encoded(TEXT, b"\x00"), answers=1),
    "bytes that are no text": Case(encoded(BINARY, b'"\xff"'), answers=1),
    "a bad part of a message that goes on": Case(
        encoded(TEXT, b"\xff", fin=False) + encoded(PING, b"x") + encoded(CONT),
        close=1007,
        pongs=(b"x",),
        because="RFC 8.1 allows to fail at the bad byte; here a message is judged when it is whole",
    ),
    # --- the end ---------------------------------------------------------------------------------
    "a close that says nothing": Case(_close(None), close=1005),
    **{
        f"a close with {code}": Case(_close(code), close=code)
        for code in (
            1000,
            1001,
            1002,
            1003,
            1007,
            1008,
            1009,
            1010,
            1011,
            1012,
            1013,
            1014,
            3000,
            3999,
            4000,
            4999,
        )
    },
    "a close with a reason": Case(_close(1000, "fertig \u20ac".encode()), close=1000),
    "a close with the longest reason": Case(_close(1000, b"r" * 123), close=1000),
    "a close of 126 bytes": Case(_close(1000, b"r" * 124), close=1002),
    "a close of one byte": Case(encoded(CLOSE, b"\x03"), close=1002),
    "a close with a reason that is no text": Case(_close(1000, b"\xff"), close=1007),
    "a close in two parts": Case(encoded(CLOSE, fin=False), close=1002),
    **{
        f"a close with {code}, which nobody may send": Case(_close(code), close=1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    },
    "a close, then a ping": Case(_close(1000) + encoded(PING, b"x"), close=1000),
    "a close, then a text": Case(_close(1000) + encoded(TEXT, CALL), close=1000),
    "a close, then nonsense": Case(_close(1000) + b"\xff" * 100, close=1000),
    "a close between parts": Case(
        encoded(TEXT, b"{", fin=False) + _close(1000),
        close=1002,
        because="a message that is left unfinished counts as an error; it ends in either case",
    ),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("conformance") / "home"
    with Served(home, ws_max_size=LIMIT, max_sessions=1000) as served:
        yield served


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("bytewise", [False, True], ids=["at once", "byte by byte"])
def test_what_the_rfc_says(name: str, *, bytewise: bool, served: Served) -> None:
    case = CASES[name]
    sent = case.sent
    if bytewise and len(sent) > 1000:
        sent = sent[-1000:]  # the rest goes first, as a whole
    with served.connect() as raw:
        raw.opened(served.token)
        if bytewise:
            raw.send(case.sent[: len(case.sent) - len(sent)])
            _dribble(raw, sent)
        else:
            raw.send(sent)
        if case.close is not None and case.answers == 0:
            frames = _to_the_end(raw)
            assert frames[-1].opcode == CLOSE, frames
            assert (frames[-1].code or 1005) == case.close, frames
        else:
            frames = [raw.frame() for _ in range(case.answers + len(case.pongs))]
            assert "result" in raw.call("status", ident="alive")  # it lives
    pongs = tuple(one.payload for one in frames if one.opcode == PONG)
    answers = [one for one in frames if one.opcode == TEXT]
    assert pongs == case.pongs
    if case.close is None:
        assert len(answers) == case.answers


def _dribble(raw: Raw, data: bytes) -> None:
    try:
        for byte in data:
            raw.send(bytes([byte]))
    except Gone:
        return  # it has heard enough; what it says is read next


def _to_the_end(raw: Raw) -> list[Frame]:
    frames: list[Frame] = []
    try:
        while not frames or frames[-1].opcode != CLOSE:
            frames.append(raw.frame())
    except Gone:
        return frames
    with pytest.raises(Gone):
        raw.frame()  # nothing comes after a close
    return frames


HANDSHAKES: Final[dict[str, tuple[dict[str, str | None], int]]] = {
    "as it should be": ({}, 101),
    "names in any case": ({"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"}, 101),
    "another version": ({"Sec-WebSocket-Version": "12"}, 400),
    "no version": ({"Sec-WebSocket-Version": None}, 400),
    "no key": ({"Sec-WebSocket-Key": None}, 400),
    "a key of the wrong length": ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
    "a key that is no base64": ({"Sec-WebSocket-Key": "?" * 24}, 400),
    "a protocol of another kind": ({"Upgrade": "h2c"}, 404),
    "no upgrade": ({"Upgrade": None}, 404),
    "an extension nobody knows": ({"Sec-WebSocket-Extensions": "x-foo; bar=1"}, 101),
    # It offers none, so it reads none.
    "extensions that are nonsense": ({"Sec-WebSocket-Extensions": ";;;"}, 101),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_what_the_rfc_says_of_handshakes(name: str, served: Served) -> None:
    changed, status = HANDSHAKES[name]
    lines: dict[str, Any] = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **changed,
    }
    with served.connect() as raw:
        raw.request(
            "GET", "/ws", [(k, v) for k, v in lines.items() if v is not None], token=served.token
        )
        answer = raw.answer()
        assert answer.status == status
        if status == 101:  # the example of RFC 6455, 1.3
            assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            assert "sec-websocket-extensions" not in answer.headers
