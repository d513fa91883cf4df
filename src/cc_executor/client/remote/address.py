"""Where a server is, from the URL that people write."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from cc_executor.errors import InvalidSetting

PATH: Final = "/ws/mcp"
_SCHEMES: Final = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}
_UNIX_URL: Final = f"ws://localhost{PATH}"


class Address(NamedTuple):
    """Where to connect to.

    Attributes:
        url: For the handshake, `ws://` or `wss://`.
        socket: Unix socket to connect to; None: over TCP, as the URL says.
        is_local: Whether it is this machine: its files are the server's files.
    """

    url: str
    socket: Path | None
    is_local: bool

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.is_local or self.url.startswith("wss:")

    def __str__(self) -> str:
        return f"unix://{self.socket}" if self.socket is not None else self.url


def address(url: str) -> Address:
    """Return where a URL points to: ws, wss, http, https, or `unix:///PATH`.

    Without a path it means our own endpoint.

    Raises:
        InvalidSetting: It is no such URL, or holds what must not stand in one.
    """
    parts = _split(url)
    if parts.query or parts.fragment or parts.username is not None:
        raise _wrong("must hold no user, query or fragment: a token never stands in a URL")
    if parts.scheme == "unix":
        if parts.netloc or not parts.path.startswith("/"):
            raise _wrong("must be unix:// and an absolute path: unix:///run/cc-executor.sock")
        return Address(_UNIX_URL, Path(parts.path), is_local=True)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise _wrong("must be ws://, wss://, http:// or https:// and a host, or unix:///PATH")
    path = parts.path if parts.path not in ("", "/") else PATH
    return Address(f"{scheme}://{parts.netloc}{path}", None, is_local=_is_loopback(parts.hostname))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # looks at it
    except ValueError as error:
        raise _wrong(f"is not a URL: {error}") from None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(problem: str) -> InvalidSetting:
    return InvalidSetting("server", problem, origin="url")
