"""Who cannot get in is told why, and a token goes to nobody that should not have it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.remote.client import Client
from cc_executor.client.remote.target import Bounds
from cc_executor.errors import (
    CCExecutorError,
    ConnectionLost,
    ExecutionNotFound,
    IncompatibleServer,
    InvalidSetting,
    LimitReached,
    MalformedMessage,
    NotAuthenticated,
    NotPermitted,
    NotResponding,
    ServerNotTrusted,
    ServerUnavailable,
    TokenFileRefused,
    TooManySessions,
)
from cc_executor.model.principals import Scope
from cc_executor.model.tokens import OWNER
from cc_executor.store.tokens import TokenFiles, new_token
from tests.server.process import ServerProcess

SHORT = Bounds(connect_s=1.0, request_s=0.5, reconnect_s=0.2)
HELLO = {
    "session_id": "s",
    "version": "0.1.0",
    "capabilities": ["agent_events", "batch", "cursors", "idempotency", "resume"],
}


def told(method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params})


@asynccontextmanager
async def answering(
    talk: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[str]:
    """Be some server; yield its URL."""
    async with serve(talk, "127.0.0.1", 0, **options) as server:
        [port] = {one.getsockname()[1] for one in server.sockets}
        yield f"ws://127.0.0.1:{port}"


def client(url: str, home: Path, **options: Any) -> Client:
    options.setdefault("bounds", SHORT)
    return Client(url, config=CCExecutorConfig(home=home), environ={}, **options)


async def refusal(of: Client) -> CCExecutorError:
    """Return what opening it is refused with."""
    with pytest.raises(CCExecutorError) as caught:
        async with of:
            pass
    return caught.value


async def test_a_token_that_is_nobodys_is_refused(shared: ServerProcess, tmp_path: Path) -> None:
    assert isinstance(
        await refusal(client(shared.url, tmp_path, token=new_token())), NotAuthenticated
    )


async def test_a_server_of_this_machine_is_shown_its_users_own_token(shared: ServerProcess) -> None:
    async with client(shared.url, shared.home) as one:
        status = await one.status()
    assert status.session is not None
    assert status.session.principal == OWNER


async def test_a_token_file_that_others_can_read_is_refused(
    shared: ServerProcess, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(new_token())
    file.chmod(0o644)
    assert isinstance(
        await refusal(client(shared.url, tmp_path, token_file=file)), TokenFileRefused
    )


async def test_a_token_may_allow_only_some(shared: ServerProcess, tmp_path: Path) -> None:
    _record, token = TokenFiles(shared.home).create("reader", [Scope.READ], now_s=0.0)
    async with shared.client() as owner:
        theirs = await owner.run([{"command": ["true"]}], workspace=tmp_path)
        async with asyncio.timeout(20):
            while True:  # it takes the server up to a second to see the new token
                try:
                    async with client(shared.url, tmp_path, token=token) as reader:
                        with pytest.raises(NotPermitted):
                            await reader.submit([{"command": ["true"]}])
                        with pytest.raises(ExecutionNotFound):
                            await reader.get(theirs.id)
                        with pytest.raises(ExecutionNotFound):
                            await anext(reader.stream(theirs.id))
                        assert await reader.list() == ()
                        break
                except NotAuthenticated:
                    await asyncio.sleep(0.05)


@pytest.mark.parametrize("url", ["ws://198.51.100.1:8003", "http://server.example"])
async def test_no_token_is_sent_in_the_clear_to_another_machine(url: str, tmp_path: Path) -> None:
    refused = await refusal(client(url, tmp_path, token=new_token()))
    assert isinstance(refused, InvalidSetting)
    assert "not encrypted" in str(refused)


async def test_the_own_token_is_for_this_machine_only(tmp_path: Path) -> None:
    TokenFiles(tmp_path).own()
    elsewhere = client("wss://server.example", tmp_path)
    assert await elsewhere._aim().token() is None
    here = client("ws://localhost:1", tmp_path)
    assert await here._aim().token() == TokenFiles(tmp_path).read_own()


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    shown: list[str | None] = []

    async def elsewhere(connection: ServerConnection) -> None:
        assert connection.request is not None
        shown.append(connection.request.headers.get("Authorization"))

    async with answering(elsewhere) as other:

        def redirect(connection: ServerConnection, _request: Request) -> Response:
            response = connection.respond(307, "")
            response.headers["Location"] = other
            return response

        async with answering(elsewhere, process_request=redirect) as url:
            refused = await refusal(client(url, tmp_path, token=new_token()))

    assert isinstance(refused, IncompatibleServer)
    assert shown == []


async def test_no_server_is_named(tmp_path: Path) -> None:
    nowhere = Client(config=CCExecutorConfig(home=tmp_path), environ={})
    assert isinstance(await refusal(nowhere), InvalidSetting)


async def test_where_nobody_listens_there_is_no_server(tmp_path: Path) -> None:
    for url in ("ws://127.0.0.1:1", f"unix://{tmp_path}/none"):
        refused = await refusal(client(url, tmp_path))
        assert isinstance(refused, ServerUnavailable)
        assert refused.retryable


async def test_who_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # nobody accepts
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        assert isinstance(await refusal(client(url, tmp_path)), ServerUnavailable)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (told("connected", **{**HELLO, "version": "7.0.0"}), IncompatibleServer),
        (told("connected", **{**HELLO, "capabilities": []}), IncompatibleServer),
        (told("connected", session_id=7), MalformedMessage),
        (told("welcome"), IncompatibleServer),
        ('{"id": null, "jsonrpc": "2.0", "result": 1}', IncompatibleServer),
        ("hello", MalformedMessage),
        (b"\xff", MalformedMessage),
        (
            json.dumps(
                {
                    "jsonrpc": "2.0",
                    "id": None,
                    "error": {
                        "code": -32003,
                        "message": "full",
                        "data": {
                            "code": "limit.sessions",
                            "limit": "max_sessions",
                            "value": 1,
                            "asked": 2,
                            "unit": "sessions",
                        },
                    },
                }
            ),
            TooManySessions,
        ),
    ],
    ids=["major", "less", "malformed", "stranger", "answer", "text", "bytes", "full"],
)
async def test_a_server_that_does_not_fit_is_refused(
    first: str | bytes, kind: type[CCExecutorError], tmp_path: Path
) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(first)
        await connection.wait_closed()

    async with answering(talk) as url:
        assert type(await refusal(client(url, tmp_path))) is kind


async def test_a_newer_server_that_can_do_more_fits(tmp_path: Path) -> None:
    async def talk(connection: ServerConnection) -> None:
        more = {
            "version": "0.99.0",
            "capabilities": [*HELLO["capabilities"], "telepathy"],
            "new": 1,
        }
        await connection.send(told("connected", **{**HELLO, **more}))
        await connection.send(told("news.of_tomorrow", what="ever"))
        await connection.wait_closed()

    async with answering(talk) as url, client(url, tmp_path):
        pass


async def test_what_is_not_answered_has_an_end(tmp_path: Path) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(told("connected", **HELLO))
        await connection.wait_closed()

    async with answering(talk) as url, client(url, tmp_path) as one:
        with pytest.raises(NotResponding):
            await one.get("any")


async def test_a_call_that_always_breaks_the_line_has_an_end(tmp_path: Path) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send(told("connected", **HELLO))
        await connection.recv()

    async with answering(talk) as url, client(url, tmp_path) as one:
        with pytest.raises(ConnectionLost):
            await one.get("any")
        with pytest.raises(ConnectionLost):
            await anext(one.stream("any"))


async def test_an_answer_that_is_too_large_is_not_asked_for_again(tmp_path: Path) -> None:
    asked = 0

    async def talk(connection: ServerConnection) -> None:
        nonlocal asked
        await connection.send(told("connected", **HELLO))
        async for _ in connection:
            asked += 1
            await connection.send(b"x" * 10_000)

    small = Bounds(max_message_bytes=4096)
    async with answering(talk) as url, client(url, tmp_path, bounds=small) as one:
        with pytest.raises(LimitReached):
            await one.get("any")
    assert asked == 1


async def test_a_unix_socket_needs_no_token(shared: ServerProcess, tmp_path: Path) -> None:
    [_, url] = shared.urls
    async with client(url, tmp_path, bounds=Bounds()) as one:
        ended = await one.run([{"command": ["true"]}], workspace=tmp_path)
        assert ended.ok
        assert [event async for event in one.stream(ended.id)]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """The paths of a certificate that is its own authority, and of its key."""
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(chain)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return str(chain), str(key)


async def test_tls_by_an_authority_of_ones_own(
    tmp_path: Path, certificate: tuple[str, str]
) -> None:
    chain, key = certificate
    server = ServerProcess(tmp_path, "--tls-cert", chain, "--tls-key", key)
    server.start()
    try:
        assert isinstance(await refusal(server.client()), ServerNotTrusted)
        async with server.client(tls=ssl.create_default_context(cafile=chain)) as one:
            assert (await one.run([{"command": ["true"]}])).ok
        config = CCExecutorConfig(settings={"server_ca": chain, "server": server.url})
        async with server.client(config=config) as one:
            await one.status()
    finally:
        server.close()
