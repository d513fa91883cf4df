"""A client of a few lines, so that what it proves does not rest on our own client."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from tests.server.serving import Served, ServerProcess

BOUND_S = 60.0


class Wire:
    """One WebSocket; answers are told from notifications, which are kept in order."""

    def __init__(self, server: Served | ServerProcess, **options: Any) -> None:
        self._connecting = connect(
            f"ws://127.0.0.1:{server.port}/ws/mcp",
            additional_headers={"Authorization": f"Bearer {server.token}"},
            subprotocols=["jsonrpc"],  # type: ignore[list-item] # a NewType of str
            max_size=None,
            **{"compression": None, **options},
        )
        self._ids = 0
        self.notices: list[dict[str, Any]] = []
        self.hello: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        self.socket: ClientConnection = await self._connecting
        self.hello = (await self._next())["params"]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.socket.close()

    async def send(self, method: str, **params: Any) -> int:
        """Send a request, and do not wait for its answer."""
        self._ids += 1
        request = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params}
        await self.socket.send(json.dumps(request))
        return self._ids

    async def call(self, method: str, **params: Any) -> Any:
        """Send a request and return its result; an error fails the test."""
        ident = await self.send(method, **params)
        while True:
            message = await self._next()
            if message.get("id") == ident:
                assert "result" in message, message
                return message["result"]
            self.notices.append(message)

    async def notice(self) -> dict[str, Any]:
        """Return the next notification."""
        return self.notices.pop(0) if self.notices else await self._next()

    async def submit(self, workspace: object, *command: str) -> str:
        """Run a command; return its execution's id."""
        task = {"command": list(command)}
        submitted = await self.call("task_list.submit", tasks=[task], workspace=str(workspace))
        return str(submitted["execution_id"])

    async def _next(self) -> dict[str, Any]:
        async with asyncio.timeout(BOUND_S):
            received = await self.socket.recv()
        if isinstance(received, str):
            message: dict[str, Any] = json.loads(received)
            return message
        end = 4 + int.from_bytes(received[:4], "big")
        message = json.loads(received[4:end])
        message["params"]["bytes"] = received[end:]
        return message


class Bytes:
    """Puts the output of one attempt together again; a gap or a repetition fails the test."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.length = 0
        self.cursor: dict[str, Any] = {}

    def take(self, notice: dict[str, Any]) -> None:
        """Take a notification of a stream."""
        params = notice["params"]
        if notice["method"] != "process.output":
            return
        if "bytes" in params:
            data = params["bytes"]
        elif "data" in params:
            data = params["data"].encode()
        else:
            data = base64.b64decode(params["data_base64"])
        assert params["offset"] == self.length, "a gap or a repetition"
        self._hash.update(data)
        self.length += len(data)

    @property
    def sha256(self) -> str:
        """Of all bytes so far."""
        return self._hash.hexdigest()
