"""Who is counted, who is dropped when there are too many, and who may connect at all."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from cc_executor.server.listener.connections import Census, Connection


class Wire(asyncio.Transport):
    """A transport of which only its peer and its end are of interest."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self.is_aborted = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._address, 1) if name == "peername" else default

    def abort(self) -> None:
        self.is_aborted = True


def arrive(census: Census, address: str = "127.0.0.1") -> Connection | None:
    return census.arrived(Wire(address))


def arrived(census: Census) -> Connection:
    connection = arrive(census)
    assert connection is not None
    return connection


def was_dropped(connection: Connection) -> bool:
    assert isinstance(connection.transport, Wire)
    return connection.transport.is_aborted


def test_a_flood_of_strangers_drops_its_own_oldest() -> None:
    census = Census(max_connections=10, max_unauthenticated=2)
    known = arrived(census)
    known.identified()
    strangers = [arrived(census) for _ in range(5)]
    assert [was_dropped(one) for one in strangers] == [True, True, True, False, False]
    assert not was_dropped(known)
    assert (len(census), census.unauthenticated) == (3, 2)


def test_a_full_house_makes_room_by_dropping_a_stranger() -> None:
    census = Census(max_connections=3, max_unauthenticated=3)
    first, second, third = (arrived(census) for _ in range(3))
    first.identified()
    assert arrive(census) is not None
    assert [was_dropped(one) for one in (first, second, third)] == [False, True, False]
    assert len(census) == 3


def test_a_house_full_of_those_who_are_known_takes_nobody() -> None:
    census = Census(max_connections=2, max_unauthenticated=2)
    for _ in range(2):
        arrived(census).identified()
    wire = Wire("127.0.0.1")
    assert census.arrived(wire) is None
    assert wire.is_aborted
    assert len(census) == 2


def test_leaving_twice_is_leaving_once() -> None:
    census = Census(max_connections=2, max_unauthenticated=2)
    one, other = arrived(census), arrived(census)
    one.left()
    one.left()
    one.identified()
    assert (len(census), census.unauthenticated) == (1, 1)
    assert not was_dropped(other)


@pytest.mark.parametrize(
    ("address", "gets_in"),
    [
        ("10.0.0.7", True),
        ("::ffff:10.0.0.7", True),  # how a socket for both families shows it
        ("fd00:0:0::7", True),
        ("10.0.0.70", False),
        ("::ffff:10.0.0.8", False),
        ("fd00::8", False),
        ("127.0.0.1", False),
    ],
)
def test_where_peers_are_named_nobody_else_may_connect(address: str, *, gets_in: bool) -> None:
    census = Census(max_connections=2, max_unauthenticated=2, peers=["10.0.0.7", "fd00::7"])
    assert (arrive(census, address) is not None) is gets_in
    assert len(census) == int(gets_in)


def test_a_socket_of_this_machine_tells_who_is_at_its_other_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:

        class Local(Wire):
            def get_extra_info(self, name: str, default: Any = None) -> Any:
                return ours if name == "socket" else default

        census = Census(max_connections=1, max_unauthenticated=1, peers=["10.0.0.7"])
        connection = census.arrived(Local(""))
        assert connection is not None
        assert connection.peer.address is None
        assert connection.peer.uid is not None
