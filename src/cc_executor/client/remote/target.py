"""What is needed to reach a server: where it is, who we are, whom we trust, how long we wait."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from cc_executor.client.remote.address import Address
from cc_executor.errors import InvalidSetting, TokenFileRefused
from cc_executor.store.tokens import TokenFiles


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How long a client waits, and for how much.

    Attributes:
        connect_s: For a connection, the first word of the server included.
        request_s: For an answer. A cancel is answered when no process is left, which takes up to
            a minute.
        reconnect_s: For a server that has gone to come back, since it was last there.
        ping_s: Between protocol pings, and then for the pong.
        close_s: For the other side's farewell.
        max_message_bytes: Largest message taken.
    """

    connect_s: float = 10.0
    request_s: float = 90.0
    reconnect_s: float = 300.0
    ping_s: float = 20.0
    close_s: float = 1.0
    max_message_bytes: int = 64 * 1024 * 1024


class Target:
    """A server, and what it takes to be let in.

    Args:
        address: Where it is.
        token: Returns the token to show, read anew for every connection so that a rotated one is
            found; None: none is shown. Blocking.
        tls: Whom to trust; None: whom the system trusts.
        bounds: How long to wait.
    """

    def __init__(
        self,
        address: Address,
        token: Callable[[], str | None],
        *,
        tls: ssl.SSLContext | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.address = address
        self.bounds = bounds or Bounds()
        self._token = token
        self._tls = tls

    @property
    def tls(self) -> ssl.SSLContext | None:
        """Whom to trust, None where nothing is encrypted."""
        if not self.address.url.startswith("wss:"):
            return None
        return self._tls or ssl.create_default_context()

    async def token(self) -> str | None:
        """Return the token to show.

        Raises:
            TokenFileRefused: Its file cannot be trusted.
            InvalidSetting: Everybody on the way could read it.
        """
        token = await asyncio.to_thread(self._token)
        if token is not None and not self.address.is_private:
            raise InvalidSetting(
                "server",
                "is another machine and not encrypted: a token could be read on the way",
                origin="url",
                hint="Use wss://, or a tunnel to a port of this machine.",
            )
        return token


_MISSING: Final = "does not exist"


def token_of(
    address: Address, *, token: str | None, file: Path | None, home: Path
) -> Callable[[], str | None]:
    """Return what returns the token for a server.

    Args:
        address: Which server.
        token: The token itself, if the caller has it.
        file: A file that holds it.
        home: The state directory, whose own token is shown to servers of this machine only. One
            that has none shows none: the server may let us in for another reason.
    """
    if token is not None:
        return lambda: token
    if file is not None:
        return TokenFiles(file.parent, file).read_own
    return (lambda: _own(home)) if address.is_local else (lambda: None)


def _own(home: Path) -> str | None:
    try:
        return TokenFiles(home).read_own()
    except TokenFileRefused as refusal:
        if refusal.problem == _MISSING:
            return None
        raise


def trusting(file: Path) -> ssl.SSLContext:
    """Return a context that trusts the authorities in a file (PEM), and nobody else. Blocking.

    Raises:
        InvalidSetting: It holds none.
    """
    try:
        return ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        raise InvalidSetting("server_ca", f"cannot be used: {error}", origin=str(file)) from error
