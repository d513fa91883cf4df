"""Which client a command works with: this machine's state directory, or a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cc_executor.errors import (
    AccessDenied,
    IncompatibleServer,
    InvalidSetting,
    MissingExtra,
    ServerNotTrusted,
    ServerUnavailable,
)

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing, OpenExecutor
    from cc_executor.client.remote.client import Client
    from cc_executor.settings import Settings

#: Settings of an engine that a client has a use for, too.
_OF_BOTH: Final = frozenset({"home", "log_level", "log_format"})
#: Why a server of this machine may not be reached, though it is there.
_NOT_REACHED: Final = (
    ServerUnavailable,
    ServerNotTrusted,
    IncompatibleServer,
    AccessDenied,
    MissingExtra,
)
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - nothing binds to it here


def open_client(settings: Settings) -> AbstractAsyncContextManager[Executing]:
    """Return the client of the server that the settings name, else one with an engine inside.

    Raises:
        InvalidSetting: A server is named, and a flag that only its own start can give it.
    """
    if settings.server is not None:
        _refuse_flags_of_engines(settings)
        return _client()(settings=settings)
    return open_here(settings)


def open_here(settings: Settings) -> AbstractAsyncContextManager[Executing]:
    """Return the client of this machine's state directory, whatever server is named."""
    from cc_executor.client.executor import Executor

    return Executor(settings=settings)


def open_to_outlive(
    settings: Settings, open_executor: OpenExecutor
) -> AbstractAsyncContextManager[Executing]:
    """Return a client for work that is to outlive this process.

    Where a server of this state directory is running, it is given the work; unless flags ask for
    an engine that is different from the server's.

    Args:
        settings: As loaded.
        open_executor: Opens the client where there is no such server.
    """
    if settings.server is not None or list(_flags_of_engines(settings)):
        return open_executor(settings)
    from cc_executor.server.running import running

    server = running(settings.home)
    url = _url_here(server.urls) if server is not None else None
    return open_executor(settings) if url is None else _on_server(url, settings, open_executor)


@asynccontextmanager
async def _on_server(
    url: str, settings: Settings, open_executor: OpenExecutor
) -> AsyncIterator[Executing]:
    """Open the client of a server, or of an engine of our own where that one is just leaving."""
    async with AsyncExitStack() as stack:
        client: Executing
        try:
            client = await stack.enter_async_context(_client()(url, settings=settings))
        except _NOT_REACHED:
            client = await stack.enter_async_context(open_executor(settings))
        yield client


def _client() -> type[Client]:
    """Return the class of the client.

    Raises:
        MissingExtra: It cannot be imported.
    """
    try:
        from cc_executor.client.remote.client import Client
    except ModuleNotFoundError as missing:
        raise MissingExtra("client", missing.name or "a module") from missing
    return Client


def _url_here(urls: Iterable[str]) -> str | None:
    """Return where a server of this machine can be asked without leaving it, None if nowhere."""
    at_hand = sorted(urls, key=lambda url: not url.startswith("unix:"))
    for url in at_hand:
        parts = urlsplit(url)
        host = _ANY_ADDRESS.get(parts.hostname or "")
        if host is not None:
            return f"{parts.scheme}://{host}:{parts.port}"
        if parts.scheme in ("unix", "wss") or parts.hostname in ("127.0.0.1", "::1", "localhost"):
            return url
    return None


def _flags_of_engines(settings: Settings) -> Iterable[str]:
    """Yield the flags that were given and mean an engine."""
    from cc_executor.settings import SETTINGS

    for setting in SETTINGS:
        means_an_engine = not setting.of_server and setting.name not in _OF_BOTH
        if means_an_engine and settings.origin(setting.name) == "flag":
            yield setting.flag


def _refuse_flags_of_engines(settings: Settings) -> None:
    for flag in _flags_of_engines(settings):
        raise InvalidSetting(
            flag,
            "is for an engine of this machine; the server has settings of its own",
            origin="flag",
            hint="Leave it out, or start the server with it.",
        )
