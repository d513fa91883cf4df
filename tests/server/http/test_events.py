"""Server-sent events: the whole stream, taken up again after any of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.server.http.calls import call
from tests.server.serving import Served


class Event(NamedTuple):
    id: str
    name: str
    data: dict[str, Any]


def events(body: bytes) -> list[Event]:
    found = []
    for block in body.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        found.append(Event(fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return found


def test_the_stream_is_whole_and_goes_on_after_any_event(server: Served, workspace: Path) -> None:
    script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.02; done"
    asked = {"workspace": str(workspace), "tasks": [{"command": ["sh", "-c", script]}]}
    place = call(server, "POST", "/execute", asked).headers["location"]

    live = events(call(server, "GET", f"{place}/events").body)
    again = events(call(server, "GET", f"{place}/events").body)

    text = "".join(one.data["data"] for one in live if one.name == "process.output")
    assert text == "".join(f"line {number}\n" for number in range(1, 6))
    assert live[-1].name == "stream.ended"
    assert {"process.started", "process.completed", "execution.succeeded"} <= {
        one.name for one in live
    }
    lifecycle = [one for one in again if "kind" in one.data]
    assert [one.data["seq"] for one in lifecycle] == list(range(1, len(lifecycle) + 1))
    for number, event in enumerate(again[:-1]):
        headers = {"Last-Event-ID": event.id}
        rest = events(call(server, "GET", f"{place}/events", **headers).body)
        told = [one for one in rest if "kind" in one.data]
        assert told == [one for one in again[number + 1 :] if "kind" in one.data]


def test_a_cursor_that_is_none_is_refused(server: Served, workspace: Path) -> None:
    asked = {"workspace": str(workspace), "tasks": [{"command": ["true"]}]}
    place = call(server, "POST", "/execute?wait=true", asked).json["execution_id"]

    refused = call(server, "GET", f"/executions/{place}/events?after=nonsense")

    assert (refused.status, refused.json["error"]["code"]) == (422, "cursor.invalid")
