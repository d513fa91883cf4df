"""Ctrl-C, SIGTERM, `kill -9`: what is over is over, and what was acknowledged is not lost."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.end_to_end.program import (
    BOUND_S,
    Program,
    ended,
    on_a_terminal,
    read_until,
    until,
)

#: Ends properly when it is asked to, and says so.
POLITE = """\
import signal, sys, time
def leave(*_):
    print("asked to leave", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGINT, leave)
print("ready", flush=True)
time.sleep(60)
"""

#: Has to be killed, and so has its child, which left its session.
STUBBORN = """\
import os, signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
else:
    print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
def test_one_signal_cancels_properly(program: Program, number: signal.Signals) -> None:
    running = program.start("run", "--command", "--", sys.executable, "-c", POLITE)
    read_until(running, b"ready")

    running.send_signal(number)
    code, out, err = ended(running)

    assert code == 5, err.decode()
    assert out == b"asked to leave\n"
    assert b"cancelling; Ctrl-C again kills it" in err
    assert program.only_execution()["state"] == "cancelled"
    assert program.at_work() == []


def test_the_second_signal_kills_what_would_not_leave(program: Program) -> None:
    running = program.start("run", "--command", "--", sys.executable, "-c", STUBBORN)
    read_until(running, b"ready")
    assert running.stderr is not None

    running.send_signal(signal.SIGINT)
    said = b""
    while b"cancelling" not in said:
        said += os.read(running.stderr.fileno(), 4096)
    running.send_signal(signal.SIGINT)
    code, _, err = ended(running)

    assert code == 5
    assert b"killing it" in said + err
    assert program.at_work() == []


def test_a_killed_run_is_settled_by_whoever_comes_next(program: Program) -> None:
    (program.workspace / "stubborn.py").write_text(STUBBORN)
    (program.workspace / "tasks.yaml").write_text(
        "tasks:\n"
        "  - {name: first, command: ['true']}\n"
        f"  - {{name: second, command: [{sys.executable}, stubborn.py]}}\n"
        "  - {name: third, command: ['true']}\n"
    )
    running = program.start("run", "-f", "tasks.yaml")
    until(lambda: len(program.at_work()) >= 2, "the program and its child")

    running.kill()
    running.wait(BOUND_S)
    listed = program.json("ps")
    settled = program.only_execution()

    assert listed == []
    states = [task["state"] for task in settled["tasks"]]
    assert states == ["succeeded", "failed", "skipped"]
    assert settled["tasks"][1]["failure"] == "abandoned"
    assert program.at_work() == []

    (program.workspace / "stubborn.py").write_text("")
    went_on = program.run("continue", settled["execution_id"])
    assert went_on.returncode == 0, went_on.stderr.decode()


def test_on_a_terminal_the_run_is_drawn_and_ctrl_c_is_a_key(program: Program) -> None:
    (program.workspace / "tasks.yaml").write_text(
        f"tasks:\n  - {{name: waits, command: [{sys.executable}, polite.py]}}\n"
        "  - {name: later, command: ['true']}\n"
    )
    (program.workspace / "polite.py").write_text(POLITE)

    code, seen = on_a_terminal(
        program, "run", "-f", "tasks.yaml", react={b"ready": lambda _: b"\x03"}
    )
    shown = seen.decode()

    assert code == 5
    assert "0 of 2 tasks" in shown
    assert "waits" in shown
    assert "cancelling; Ctrl-C again kills it" in shown
    assert "look again: cc-executor show" in shown


def test_a_detached_engine_that_is_killed_is_followed_by_another(program: Program) -> None:
    execution_id = program.run("submit", *program.waiter()).stdout.decode().strip()
    until(lambda: program.run("logs", execution_id).stdout == b"ready\n", "its output")
    engines = [pid for pid in _pids() if _is_engine_of(pid, execution_id)]

    for pid in engines:
        os.kill(pid, signal.SIGKILL)
    listed = program.json("ps")
    program.release()
    attached = program.run("attach", execution_id)

    assert len(engines) == 1
    assert [one["state"] for one in listed] == ["running"]
    assert (attached.returncode, attached.stdout) == (0, b"ready\ndone\n")


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _is_engine_of(pid: int, execution_id: str) -> bool:
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"cc_executor.client.detached" in argv and execution_id.encode() in argv
