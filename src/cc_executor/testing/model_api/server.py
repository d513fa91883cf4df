"""The HTTP server under the scripted model: bounded threads, and a close that always ends."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import ClassVar, Final, Self, TypeAlias, cast

from cc_executor.testing.model_api.anthropic import AnthropicMessages
from cc_executor.testing.model_api.exchange import Answer, Call, Dialect
from cc_executor.testing.model_api.faults import Action, HangUp, Wait
from cc_executor.testing.model_api.script import Model, Scenario, Scenarios
from cc_executor.testing.model_api.talk import Request

MAX_BODY_BYTES: Final = 64 << 20
_IDLE_LIMIT_S: Final = 30.0
_CLOSE_LIMIT_S: Final = 5.0
_CLOSING_POLL_S: Final = 0.05
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)

# What socketserver calls a request: a connection (a TCP server has no other kind).
_Socket: TypeAlias = "socket.socket | tuple[bytes, socket.socket]"


class NoSuchRequest(AssertionError):
    """The request that a test waits for has not come."""


class ModelApi:
    """A scripted model that listens on 127.0.0.1 while it is entered.

    Args:
        model: What it says: scenarios, or a function of the request.
        port: 0 takes a free one.
        max_connections: Threads at most; further connections wait to be accepted.
        max_recorded: Requests that are remembered; the oldest are forgotten first.
    """

    def __init__(
        self,
        model: Sequence[Scenario] | Model,
        *,
        port: int = 0,
        max_connections: int = 64,
        max_recorded: int = 500,
    ) -> None:
        answering = model if callable(model) else Scenarios(model)
        self._server = _Server(
            AnthropicMessages(answering),
            port=port,
            max_connections=max_connections,
            max_recorded=max_recorded,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_CLOSING_POLL_S,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release who waits for an answer, cut all connections, stop listening; once is enough."""
        if self._thread.is_alive():
            self._server.close()
            self._thread.join()

    @property
    def base_url(self) -> str:
        """The address for `ANTHROPIC_BASE_URL`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """The requests for the model, oldest first."""
        return self._server.recorded()

    @property
    def calls(self) -> tuple[str, ...]:
        """All HTTP requests as `METHOD /path STATUS`, oldest first."""
        with self._server.changed:
            return tuple(self._server.calls)

    def wait_for_requests(self, count: int = 1, *, within_s: float = 10.0) -> tuple[Request, ...]:
        """Return the requests as soon as there have been `count`.

        Raises:
            NoSuchRequest: There were fewer after `within_s` seconds.
        """
        server = self._server
        with server.changed:
            if not server.changed.wait_for(lambda: server.asked >= count, within_s):
                raise NoSuchRequest(f"{server.asked} of {count} requests came in {within_s} s")
        return self.requests


class _Server(TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, dialect: Dialect, *, port: int, max_connections: int, max_recorded: int
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.dialect = dialect
        self.changed = threading.Condition()
        self.asked = 0
        self.calls: deque[str] = deque(maxlen=max_recorded)
        self._requests: deque[Request] = deque(maxlen=max_recorded)
        self._max_connections = max_connections
        self._slots = threading.Semaphore(max_connections)
        self._open: set[socket.socket] = set()
        self._closing = False

    def process_request(self, request: _Socket, client_address: object) -> None:
        connection = cast("socket.socket", request)
        while not self._slots.acquire(timeout=_CLOSING_POLL_S):
            if self._closing:
                self.shutdown_request(connection)
                return
        with self.changed:
            self._open.add(connection)
        if self._closing:
            self._cut()
        arguments = (connection, client_address)
        threading.Thread(target=self._handle, args=arguments, daemon=True).start()

    def _handle(self, request: socket.socket, client_address: object) -> None:
        try:
            # What a CLI that was killed leaves behind is not our problem.
            with contextlib.suppress(ConnectionError, TimeoutError):
                self.finish_request(request, client_address)
        finally:
            with self.changed:
                self._open.discard(request)
            self.shutdown_request(request)
            self._slots.release()

    def record(self, call: Call, status: int, request: Request | None) -> None:
        with self.changed:
            self.calls.append(f"{call.method} {call.path} {status}")
            if request is not None:
                self.asked += 1
                self._requests.append(request)
            self.changed.notify_all()

    def recorded(self) -> tuple[Request, ...]:
        with self.changed:
            return tuple(self._requests)

    def close(self) -> None:
        """Release what waits, cut all connections, and wait for the threads."""
        self._closing = True
        self._cut()
        self.shutdown()
        self.server_close()
        ends_at = time.monotonic() + _CLOSE_LIMIT_S
        for _ in range(self._max_connections):
            self._slots.acquire(timeout=max(0.0, ends_at - time.monotonic()))

    def _cut(self) -> None:
        with self.changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[float | None] = _IDLE_LIMIT_S

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing: stderr is the test's."""

    def _serve(self) -> None:
        # One call per connection: no thread waits for a next one.
        self.close_connection = True
        server = cast("_Server", self.server)
        length = int(self.headers.get("content-length", 0))
        if length > MAX_BODY_BYTES:
            self.send_error(413)
            return
        call = Call(
            method=self.command,
            path=self.path.partition("?")[0],
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        try:
            answer, request = server.dialect.answer(call)
        except ValueError as problem:
            self.send_error(400, str(problem))
            return
        server.record(call, answer.status, request)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        pieces = self._performed(answer.body)
        if not answer.in_chunks:
            whole = b"".join(pieces)
            self._send_head(answer, "content-length", str(len(whole)))
            self.wfile.write(whole)
            return
        begun = False
        for piece in pieces:
            if not begun:
                begun = True
                self._send_head(answer, "transfer-encoding", "chunked")
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _send_head(self, answer: Answer, name: str, value: str) -> None:
        self.send_response(answer.status)
        for header in (*answer.headers, (name, value), ("connection", "close")):
            self.send_header(*header)
        self.end_headers()

    def _performed(self, actions: Iterable[Action]) -> Iterator[bytes]:
        for action in actions:
            match action:
                case Wait(for_s):
                    self._wait(for_s)
                case HangUp():
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    raise ConnectionAbortedError("scripted")
                case _:
                    yield action

    def _wait(self, for_s: float | None) -> None:
        """Wait, but no longer than anybody listens: the peer may go, the server may be closed."""
        gone = select.poll()
        gone.register(self.connection, select.POLLIN)
        if gone.poll(None if for_s is None else for_s * 1000):
            raise ConnectionAbortedError("nobody listens")
