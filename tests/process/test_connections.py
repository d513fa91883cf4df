from __future__ import annotations

import json
import os
import selectors
import socket
from collections.abc import Iterator

import pytest

from cc_executor.process.connections import Connection, Connections


class Hub:
    """One peer's end, and the supervisor's end of the same conversation."""

    def __init__(self) -> None:
        self.attendance = 0
        self.heard: list[object] = []
        self.selector = selectors.DefaultSelector()
        self.connections = Connections(
            self.selector, {"note": self._note}, lambda: setattr(self, "attendance", self.count())
        )
        ours, self.peer = socket.socketpair()
        self.connection = self.connections.add(ours)

    def count(self) -> int:
        return len(self.connections.engines)

    def _note(self, connection: Connection, command: object) -> None:
        self.heard.append(command)
        connection.answer({"id": 1})

    def turn(self) -> None:
        for key, mask in self.selector.select(0):
            key.data(mask)

    def lines(self) -> list[dict[str, object]]:
        """Read all that the supervisor has to say, giving it the chance to say more."""
        self.peer.setblocking(False)
        received = bytearray()
        for _ in range(1000):
            self.turn()
            try:
                received += self.peer.recv(1 << 20)
            except BlockingIOError:
                break
        return [json.loads(line) for line in received.splitlines()]


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.connections.farewell(1, staying=None)
    made.selector.close()
    made.peer.close()


def test_a_head_is_told_at_once(hub: Hub) -> None:
    hub.connections.tell_head(5)

    assert hub.lines() == [{"head": 5}]


def test_heads_are_not_queued_for_who_does_not_read(hub: Hub) -> None:
    for head in range(1, 200_000):
        hub.connections.tell_head(head)

    assert len(hub.connection._unsent) < 100
    lines = hub.lines()
    assert len(lines) < 100_000
    assert lines[-1] == {"head": 199_999}


def test_commands_may_arrive_in_pieces_and_together(hub: Hub) -> None:
    for piece in (b'{"do": "no', b'te", "id": 3}', b'\n{"do": "note"}\n{"do":'):
        hub.peer.sendall(piece)
        hub.turn()

    assert hub.heard == [{"do": "note", "id": 3}, {"do": "note"}]


def test_what_came_behind_the_last_whole_line_is_left_for_who_stays(hub: Hub) -> None:
    hub.peer.sendall(b'{"do": "note"}\n{"attempt')
    hub.turn()

    unread = hub.connections.farewell(1, staying=hub.connection)

    assert unread == b'{"attempt'
    hub.connection.stream.send(b"still open")
    assert hub.peer.recv(100).endswith(b"still open")
    hub.connection.stream.close()


def test_who_has_hung_up_cannot_stay(hub: Hub) -> None:
    hub.peer.close()
    hub.turn()

    assert hub.connections.farewell(1, staying=hub.connection) is None


def test_an_engine_attends_until_it_hangs_up(hub: Hub) -> None:
    hub.connection.become_engine(os.getpid())
    assert hub.attendance == 1

    hub.peer.close()
    hub.turn()

    assert hub.attendance == 0


def test_an_engine_that_is_dead_already_never_attends(hub: Hub) -> None:
    hub.connection.become_engine(2**22 + 1)

    assert hub.attendance == 0
    assert hub.connection.stream.fileno() == -1


def test_a_farewell_says_what_is_unsent(hub: Hub) -> None:
    hub.connections.tell({"ended": {}})

    hub.connections.farewell(1, staying=None)

    assert hub.peer.recv(100) == b'{"ended": {}}\n'
    assert hub.peer.recv(100) == b""
