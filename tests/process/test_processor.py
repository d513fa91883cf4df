from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cc_executor.process.processor import CAN_SEE, Meter
from cc_executor.process.tree import descendants, everybody, send
from cc_executor.testing.scripted_agent import Script


def child(script: Script) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        script.argv(lifetime_s=30), stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )


@contextmanager
def ended(program: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a program, and first what descends from it."""
    try:
        yield
    finally:
        for process in descendants((program.pid,), everybody()):
            send(process, signal.SIGKILL)
        program.kill()


@pytest.fixture
def meter() -> Meter:
    assert CAN_SEE
    return Meter(lambda: 0.0)


def until_said(program: subprocess.Popen[bytes]) -> None:
    assert program.stdout is not None
    assert program.stdout.readline()


def test_what_children_and_their_children_use_is_counted(meter: Meter) -> None:
    works = Script().spin(60_000)
    waits = Script().child(works, new_session=True).line("up").hang()
    with child(waits) as program, ended(program):
        until_said(program)
        before = meter.used_s()
        gives_up_at = time.monotonic() + 10
        while (used_s := meter.used_s() - before) < 0.1 and time.monotonic() < gives_up_at:
            time.sleep(0.01)

    assert used_s >= 0.1


def test_what_hangs_uses_nothing(meter: Meter) -> None:
    with child(Script().line("up").hang()) as program:
        until_said(program)
        first = meter.used_s()
        second = meter.used_s()
        program.kill()

    assert second - first <= 0.02  # two ticks: it may be on its way to the wait


def test_what_was_reaped_counts_on() -> None:
    reaped_s = 1.0
    meter = Meter(lambda: reaped_s)
    before = meter.used_s()

    reaped_s = 3.5

    assert meter.used_s() - before == pytest.approx(2.5, abs=0.05)


def test_nothing_is_ever_taken_back(meter: Meter) -> None:
    """A process that ends takes its counters with it; the sum only grows."""
    with child(Script().spin(100).line("done").hang()) as program:
        until_said(program)
        before = meter.used_s()
        program.kill()
    assert not Path(f"/proc/{program.pid}/stat").exists()

    assert meter.used_s() >= before
