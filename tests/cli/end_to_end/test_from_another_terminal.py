"""What one process started, others see, follow and control."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.cli.end_to_end.program import (
    Program,
    ended,
    interrupt,
    read_until,
    until,
)

BOTH = pytest.mark.parametrize("how", ["run", "submit"])


def begin(program: Program, how: str) -> str:
    """Start a waiter by `run` or `submit`, and return its execution's id when it is at work."""
    if how == "submit":
        execution_id = program.run("submit", *program.waiter()).stdout.decode().strip()
    else:
        running = program.start("run", *program.waiter())
        read_until(running, b"ready")
        execution_id = str(program.only_execution()["execution_id"])
    until(lambda: program.run("logs", execution_id).stdout == b"ready\n", "its output")
    return execution_id


def test_submit_returns_at_once_and_the_work_goes_on(program: Program) -> None:
    execution_id = begin(program, "submit")

    [listed] = program.json("ps")
    program.release()
    followed = program.run("logs", "-f", execution_id)
    attached = program.run("attach", execution_id)

    assert (listed["execution_id"], listed["state"]) == (execution_id, "running")
    assert (followed.returncode, followed.stdout) == (0, b"ready\ndone\n")
    assert (attached.returncode, attached.stdout) == (0, b"ready\ndone\n")
    assert program.json("ps") == []
    assert program.json("show", execution_id)["state"] == "succeeded"


@BOTH
def test_another_terminal_pauses_resumes_and_cancels(program: Program, how: str) -> None:
    execution_id = begin(program, how)

    paused = program.run("pause", execution_id)
    shown = program.json("show", execution_id)["state"]
    resumed = program.run("resume", f"{execution_id}.1")
    cancelled = program.run("cancel", execution_id[:-2])

    assert (paused.returncode, paused.stdout.decode()) == (0, f"{execution_id} paused\n")
    assert shown == "paused"
    assert (resumed.returncode, resumed.stdout.decode()) == (0, f"{execution_id}.1 running\n")
    assert (cancelled.returncode, cancelled.stdout.decode()) == (0, f"{execution_id} cancelled\n")
    assert program.at_work() == []
    assert program.run("cancel", execution_id).returncode == 3


def test_a_run_that_another_terminal_cancels_exits_as_cancelled(program: Program) -> None:
    running = program.start("run", "--json", *program.waiter())
    until(program.at_work, "the program")
    execution_id = until(lambda: program.json("ps"), "the execution")[0]["execution_id"]

    program.run("cancel", "--now", execution_id)
    code, out, _ = ended(running)

    assert code == 5
    assert json.loads(out)["tasks"][0]["failure"] == "cancelled"


def test_who_watches_can_stop_watching(program: Program) -> None:
    execution_id = begin(program, "submit")
    for arguments in (["attach", execution_id], ["logs", "-f", execution_id]):
        watching = program.start(*arguments)
        read_until(watching, b"ready")
        interrupt(watching)

        assert ended(watching)[0] == 130
    assert program.json("show", execution_id)["state"] == "running"


def test_logs_go_on_where_they_stopped(program: Program, tmp_path: Path) -> None:
    execution_id = begin(program, "submit")
    place = str(tmp_path / "place.json")

    first = program.run("logs", execution_id, "--cursor-file", place)
    nothing = program.run("logs", execution_id, "--cursor-file", place)
    program.release()
    rest = program.run("logs", "-f", execution_id, "--cursor-file", place)

    assert [first.stdout, nothing.stdout, rest.stdout] == [b"ready\n", b"", b"done\n"]


def test_a_cursor_made_from_events_is_a_place_to_go_on_from(program: Program) -> None:
    execution_id = begin(program, "submit")
    program.release()
    lines = program.run("logs", "-f", "--events", execution_id).stdout.splitlines()
    events = [json.loads(line) for line in lines]
    ready, done = (event for event in events if event["type"] == "output")
    before = [event for event in events[: events.index(ready)] if event["type"] == "lifecycle"]

    seen = {"seq": before[-1]["seq"], "chunks": {f"{execution_id}.1.1": ready["seq"]}}
    rest = program.run("logs", "--events", execution_id, "--after", json.dumps(seen))

    assert base64.b64decode(done["data"]) == b"done\n"
    assert [json.loads(line) for line in rest.stdout.splitlines()] == [
        event for event in events if event not in (*before, ready)
    ]


def test_history_holds_what_has_ended(program: Program) -> None:
    program.run("run", "--command", "--", "true")
    program.run("run", "--command", "--", "false")

    rows = json.loads(program.run("history", "export").stdout)
    listed = program.json("history")

    assert [row["state"] for row in rows] == ["failed", "succeeded"]
    assert [one["state"] for one in listed] == ["failed", "succeeded"]
