"""One port that is a web site at first and then leads to a server: what DNS rebinding makes of a name.

To a browser both are one origin. It asks for `/page`; everything else goes to the server, byte by
byte. What a page has found it reports to a second port: a browser keeps its connections, so that a
report to the first could go down one that leads to the server already.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Self

_LIMIT: Final = 1024 * 1024


class Stage:
    """The two ports, while it is entered.

    Attributes:
        port: On 127.0.0.1.
        reports: Where a page reports to: a URL.
        target: Port of the server.
        page: What `/page` is answered with.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._desk = socket.create_server(("127.0.0.1", 0), backlog=8)
        self.port: int = self._socket.getsockname()[1]
        self.reports = f"http://127.0.0.1:{self._desk.getsockname()[1]}/report"
        self.target = 0
        self.page = ""
        self._said: Any = None
        self._is_told = threading.Event()

    def __enter__(self) -> Self:
        _thread(partial(_accept, self._socket, self._serve))
        _thread(partial(_accept, self._desk, self._hear))
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._socket, self._desk):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def report(self, *, within_s: float) -> Any:
        """Return what the page has reported."""
        assert self._is_told.wait(within_s), "the page has not reported"
        self._is_told.clear()
        return self._said

    def _serve(self, browser: socket.socket) -> None:
        with browser, contextlib.suppress(OSError):
            began = browser.recv(65_536)
            if began.startswith(b"GET /page"):
                browser.sendall(_answer(b"text/html; charset=utf-8", self.page.encode()))
            elif began.startswith(b"GET /favicon.ico"):
                browser.sendall(_answer(b"text/plain", b""))
            elif began:
                self._lead_on(browser, began)

    def _hear(self, browser: socket.socket) -> None:
        with browser, contextlib.suppress(OSError):
            began = browser.recv(65_536)
            if began.startswith(b"POST /report"):
                self._said = json.loads(_body(browser, began))
                browser.sendall(_answer(b"text/plain", b""))
                self._is_told.set()

    def _lead_on(self, browser: socket.socket, began: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            server.sendall(began)
            back = _thread(lambda: _pump(server, browser))
            _pump(browser, server)
            back.join()


def _accept(port: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            accepted, _ = port.accept()
            _thread(partial(serve, accepted))


def _thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _body(browser: socket.socket, began: bytes) -> bytes:
    head, _, body = began.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    assert length < _LIMIT
    while len(body) < length:
        body += browser.recv(65_536)
    return body


def _answer(kind: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: %s\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (kind, len(body), body)
    )
