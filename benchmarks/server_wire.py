"""A server to be measured, and a client of a few lines that costs as little as it can."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect


class Wire:
    """One connection; answers are told from notifications, which are kept in order."""

    def __init__(self, socket_: ClientConnection) -> None:
        self.socket = socket_
        self._ids = 0
        self._notices: list[dict[str, Any]] = []

    async def call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return the answer to a call."""
        self._ids += 1
        ident = self._ids
        request = {"jsonrpc": "2.0", "id": ident, "method": method, "params": params}
        await self.socket.send(json.dumps(request))
        while True:
            message = _message(await self.socket.recv(decode=False))
            if message.get("id") == ident:
                assert "result" in message, message
                return message["result"]
            self._notices.append(message)

    async def tell(self, method: str, **params: Any) -> None:
        """Say something that is not answered."""
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    async def notice(self) -> dict[str, Any]:
        """Return the next notification."""
        if self._notices:
            return self._notices.pop(0)
        return _message(await self.socket.recv(decode=False))

    async def submit(self, argv: list[str], workspace: Path) -> str:
        """Run a program; return the id of its execution."""
        task = {"command": argv}
        accepted = await self.call("task_list.submit", tasks=[task], workspace=str(workspace))
        return str(accepted["execution_id"])

    async def read_for_ever(self) -> None:
        """Read and forget until cancelled."""
        while True:
            await self.notice()

    async def read_to_end(self) -> int:
        """Return how much output comes to the end of a stream."""
        length = 0
        while (notice := await self.notice())["method"] != "stream.ended":
            if notice["method"] == "process.output":
                length += len(notice["params"]["data"])
        return length


def _message(received: bytes) -> dict[str, Any]:
    """Return what a message says; the bytes of a binary one stand in it as `data`."""
    if received[:1] == b"{":
        said: dict[str, Any] = msgspec.json.decode(received)
        return said
    end = 4 + int.from_bytes(received[:4])
    said = msgspec.json.decode(received[4:end])
    said["params"]["data"] = memoryview(received)[end:]
    return said


@contextlib.asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[Wire]:
    """Open a connection that the server has welcomed."""
    async with connect(
        f"{url}/ws/mcp",
        additional_headers={"Authorization": f"Bearer {token}"},
        max_size=None,
        compression=None,
        open_timeout=60,
        close_timeout=1,
    ) as socket_:
        wire = Wire(socket_)
        assert (await wire.notice()).get("method") == "connected"
        yield wire


@contextlib.contextmanager
def server(folder: Path, *flags: str) -> Iterator[tuple[str, str, int]]:
    """Run a server in a process of its own: its URL, its token, its process id."""
    (folder / "workspace").mkdir(parents=True)
    home = folder / "home"
    limits = ("--max-sessions", "5000", "--rate-per-minute", "1000000", "--max-connections", "8192")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "cc_executor", "server", "start", "--foreground", "--json"),
            *("--port", "0", "--home", str(home), "--log-level", "ERROR", *limits, *flags),
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        yield ready["urls"][0], (home / "token").read_text().strip(), process.pid
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until_open(port: int) -> None:
    """Return when somebody listens on a port of loopback; 10 s at most."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.01)
