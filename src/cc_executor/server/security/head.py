"""The head of a request, as far as it matters for who gets in: the same for every transport."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

#: Key of `scope["state"]` under which a listener puts its `Connection`.
CONNECTION: Final = "cc_executor.connection"


class Peer(NamedTuple):
    """Who is at the other end of a socket.

    Attributes:
        address: IP address; None on a Unix socket.
        uid: User id, as the kernel tells it on a Unix socket; None elsewhere.
    """

    address: str | None = None
    uid: int | None = None


class Head(NamedTuple):
    """What a request says of itself before its body.

    Attributes:
        headers: By lower-case name, every value in order.
        subprotocols: What a WebSocket offers; empty elsewhere.
        peer: Who sends it.
    """

    headers: dict[str, tuple[str, ...]]
    subprotocols: tuple[str, ...] = ()
    peer: Peer = Peer()

    def one(self, name: str) -> str | None:
        """Return the value of a header that may stand once; None where there is none.

        Raises:
            ValueError: It stands there more than once.
        """
        values = self.headers.get(name, ())
        if len(values) > 1:
            raise ValueError(name)
        return values[0] if values else None


def head_of(scope: Mapping[str, Any], peer: Peer) -> Head:
    """Return the head of an ASGI `http` or `websocket` scope."""
    return Head(
        headers=_by_name(scope["headers"]),
        subprotocols=tuple(scope.get("subprotocols", ())),
        peer=peer,
    )


def _by_name(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, tuple[str, ...]]:
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return {name: tuple(values) for name, values in headers.items()}
