"""Who is connected, and who of them has not yet shown who they are."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Collection
from typing import Final

from cc_executor.server.security.head import Peer

#: pid, uid, gid. Source: unix(7), SO_PEERCRED.
_UCRED: Final = struct.Struct("3i")


class Connection:
    """One connection, from its first byte; an upgrade to a WebSocket does not change it.

    Attributes:
        peer: Who is at the other end.
        transport: Its socket.
    """

    def __init__(self, census: Census, transport: asyncio.Transport) -> None:
        self._census = census
        self.transport = transport
        self.peer = _peer(transport)

    def identified(self) -> None:
        """Count it no longer among those that have not shown who they are."""
        self._census.identified(self)

    def left(self) -> None:
        """Count it no longer. Doing it again changes nothing."""
        self._census.left(self)


class Census:
    """Counts connections.

    Where too many have not shown who they are, the oldest of those is dropped: a flood of half-open
    connections then never keeps out somebody who shows a token at once.

    Args:
        max_connections: Most connections.
        max_unauthenticated: Most that have not yet shown who they are.
        peers: Only these IP addresses may connect; None: all.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        max_unauthenticated: int,
        peers: Collection[str] | None = None,
    ) -> None:
        self._max_connections = max_connections
        self._max_unauthenticated = max_unauthenticated
        self._peers = frozenset(map(_plain, peers)) if peers is not None else None
        self._all: set[Connection] = set()
        self._unknown: dict[Connection, None] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._all)

    @property
    def unauthenticated(self) -> int:
        """How many have not yet shown who they are."""
        return len(self._unknown)

    def arrived(self, transport: asyncio.Transport) -> Connection | None:
        """Return the connection of a new socket, or None after it was refused."""
        connection = Connection(self, transport)
        is_full = len(self._all) >= self._max_connections
        if not self._may(connection.peer) or (is_full and not self._unknown):
            transport.abort()
            return None
        if is_full or len(self._unknown) >= self._max_unauthenticated:
            oldest = next(iter(self._unknown))
            self.left(oldest)
            oldest.transport.abort()
        self._all.add(connection)
        self._unknown[connection] = None
        return connection

    def identified(self, connection: Connection) -> None:
        """Count a connection no longer among those that have not shown who they are."""
        self._unknown.pop(connection, None)

    def left(self, connection: Connection) -> None:
        """Count a connection no longer."""
        self._all.discard(connection)
        self._unknown.pop(connection, None)

    def _may(self, peer: Peer) -> bool:
        return self._peers is None or peer.address is None or _plain(peer.address) in self._peers


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address in one form: a socket for both families shows IPv4 as `::ffff:10.0.0.1`."""
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def _peer(transport: asyncio.Transport) -> Peer:
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        return Peer(uid=_uid(sock))
    name = transport.get_extra_info("peername")
    return Peer(address=name[0] if isinstance(name, tuple) else None)


def _uid(sock: socket.socket) -> int | None:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None  # macOS tells it another way: there a token is needed
    _pid, uid, _gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, option, _UCRED.size))
    return int(uid)
