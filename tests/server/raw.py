"""A client that says exactly what it is told to, well-formed or not: HTTP and WebSockets by hand."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import ssl
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

BOUND_S: Final = 20.0
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

Address = tuple[str, int] | Path


class Gone(Exception):
    """The server has closed the connection."""


class Answer(NamedTuple):
    """A response with its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.body)


class Frame(NamedTuple):
    """A frame as the server sent it."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def code(self) -> int | None:
        """Why it closes; None where a close frame says nothing."""
        assert self.opcode == CLOSE, self
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else None


class Raw:
    """One connection.

    Args:
        address: Host and port, or the path of a Unix socket.
        tls: Speak TLS.
        source: Address to come from; None: any.
    """

    def __init__(
        self, address: Address, tls: ssl.SSLContext | None = None, *, source: str | None = None
    ) -> None:
        if isinstance(address, Path):
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            plain.settimeout(BOUND_S)
            plain.connect(str(address))
        else:
            mine = None if source is None else (source, 0)
            plain = socket.create_connection(address, timeout=BOUND_S, source_address=mine)
        self.socket = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it without a word."""
        self.socket.close()

    # --- bytes -------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            Gone: The server has closed the connection.
        """
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError) as error:
            raise Gone(str(error)) from error

    def exactly(self, count: int) -> bytes:
        """Return the next bytes."""
        while len(self._buffer) < count:
            self._more()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def until(self, end: bytes) -> bytes:
        """Return what comes up to and with `end`."""
        while (found := self._buffer.find(end)) < 0:
            self._more()
        return self.exactly(found + len(end))

    def rest(self) -> bytes:
        """Return everything that comes until the server closes the connection."""
        with contextlib.suppress(Gone):
            while True:
                self._more()
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def _more(self) -> None:
        try:
            data = self.socket.recv(65_536)
        except (ConnectionError, ssl.SSLError) as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("end of stream")
        self._buffer += data

    # --- HTTP --------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        *,
        host: str | None = "localhost",
        token: str | None = None,
        body: bytes | None = None,
    ) -> None:
        """Send a request."""
        lines = [f"{method} {path} HTTP/1.1"]
        if host is not None:
            lines.append(f"Host: {host}")
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    def head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers of the next response."""
        first, *lines = self.until(b"\r\n\r\n").decode("latin-1").rstrip("\r\n").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(first.split(" ")[1]), headers

    def answer(self) -> Answer:
        """Return the next response."""
        status, headers = self.head()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size + 2)[:-2]
            self.until(b"\r\n")
        elif status != 101:
            body = self.exactly(int(headers.get("content-length", "0")))
        return Answer(status, headers, body)

    # --- WebSocket ---------------------------------------------------------------------------

    def upgrade(
        self,
        headers: Iterable[tuple[str, str]] = (),
        *,
        path: str = "/ws",
        host: str | None = "localhost",
        token: str | None = None,
    ) -> Answer:
        """Ask for a WebSocket and return the answer."""
        self.request(
            "GET",
            path,
            [
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
                *headers,
            ],
            host=host,
            token=token,
        )
        return self.answer()

    def opened(self, token: str, headers: Iterable[tuple[str, str]] = ()) -> Self:
        """Open a WebSocket and return the connection when the server has said who it is."""
        answer = self.upgrade(headers, token=token)
        assert answer.status == 101, answer
        assert json.loads(self.frame().payload)["method"] == "connected"
        return self

    def frame(self) -> Frame:
        """Return the next frame."""
        first, second = self.exactly(2)
        assert not second & 0x80, "a server must not mask"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.exactly(8))
        return Frame(first & 0x0F, self.exactly(length), bool(first & 0x80), (first >> 4) & 7)

    def closing(self) -> Frame:
        """Return the close frame, whatever comes before it."""
        while (frame := self.frame()).opcode != CLOSE:
            pass
        return frame

    def call(self, method: str, params: object = None, *, ident: object = 1) -> Any:
        """Call a method and return the whole answer, whatever comes before it."""
        message = {"jsonrpc": "2.0", "id": ident, "method": method}
        if params is not None:
            message["params"] = params
        self.send(encoded(TEXT, json.dumps(message).encode()))
        return self.answer_to(ident)

    def answer_to(self, ident: object) -> Any:
        """Return the answer of a call, whatever comes before it."""
        while True:
            frame = self.frame()
            if frame.opcode == PING:
                self.send(encoded(PONG, frame.payload))
            elif frame.opcode == CLOSE:
                raise Gone(f"closed with {frame.code}")
            else:
                said = json.loads(frame.payload)
                if isinstance(said, dict) and said.get("id", self) == ident:
                    return said


def encoded(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """Return a frame as a client sends it.

    Args:
        opcode: What it is.
        payload: What is in it.
        fin: Whether it ends a message.
        rsv: The three reserved bits.
        masked: Whether it is masked, as a client's must be.
        length: What it says its length is; None: the truth.
    """
    size = len(payload) if length is None else length
    mask = 0x80 if masked else 0
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    if size < 126:
        head = struct.pack("!BB", first, mask | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask | 127, size)
    if not masked:
        return head + payload
    if len(payload) > 1 << 16:
        return head + bytes(4) + payload  # masked with zeros: large ones stay quick
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
