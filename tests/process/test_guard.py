"""What a kernel with all controllers of version 2 is told, and what it tells: on made-up files."""

from __future__ import annotations

import os
import selectors
from pathlib import Path

import pytest

from cc_executor.process.cgroup import Group
from cc_executor.process.containment import Containment
from cc_executor.process.guard import Guard
from cc_executor.process.meter import Breach
from cc_executor.process.order import Bounds, Order, Timers

MIB = 1 << 20
BOUNDS = Bounds(memory_bytes=64 * MIB, processes=32)


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A group with the memory and the pids controller, as the kernel shows it."""
    path = tmp_path / "group"
    path.mkdir()
    files = {
        "cgroup.procs": "",
        "memory.max": "max\n",
        "memory.oom.group": "0\n",
        "memory.events": "low 0\noom 0\noom_kill 3\n",
        "pids.max": "max\n",
        "pids.events": "max 7\n",
    }
    for name, text in files.items():
        (path / name).write_text(text)
    (tmp_path / "cgroup.procs").write_text("")
    return path


def guard(group: Path, bounds: Bounds) -> Guard:
    order = Order(
        folder=str(group.parent / "1" / "2" / "3"),
        attempt_id="e.1.1",
        argv=("true",),
        env={},
        cwd=str(group.parent),
        has_stdin=False,
        keep_stdin_open=False,
        judged=False,
        timers=Timers(None, None, None, None, 0.0, None, None, 0.0),
        ladder=(),
        output_limit_bytes=None,
        bounds=bounds,
        containment="cgroup",
        engine_pid=os.getpid(),
    )
    containment = Containment(Group(str(group)), lambda: False)
    return Guard(order, containment, None, selectors.DefaultSelector(), lambda _breach: None)


def started(group: Path, bounds: Bounds = BOUNDS) -> Guard:
    made = guard(group, bounds)
    with made.starting():
        pass
    made.started(0.0)
    return made


def test_the_kernel_is_told_the_limits_before_the_child_starts(group: Path) -> None:
    made = guard(group, BOUNDS)

    with made.starting():
        assert (group / "memory.max").read_text().startswith(str(64 * MIB))
        assert (group / "pids.max").read_text().startswith("32")

    assert made.enforcement == {"memory": "cgroup", "processes": "cgroup"}
    made.close(0)


def test_all_of_a_tree_dies_for_its_memory_but_not_who_watches_it(group: Path) -> None:
    made = started(group)

    assert (group / "memory.oom.group").read_text().startswith("1")
    assert (group.parent / "cgroup.procs").read_text() == "0"  # the supervisor has left
    made.close(0)


def test_what_the_kernel_counted_before_is_no_evidence(group: Path) -> None:
    assert started(group).close(9) is None


@pytest.mark.parametrize(
    ("file", "text", "breach"),
    [
        (
            "memory.events",
            "oom 1\noom_kill 4\n",
            Breach("memory", "the kernel has ended it: no more than 64.0 MiB are allowed"),
        ),
        (
            "pids.events",
            "max 8\n",
            Breach("processes", "the kernel refused a new one; 32 are allowed"),
        ),
    ],
)
def test_what_the_kernel_counts_is_evidence(
    group: Path, file: str, text: str, breach: Breach
) -> None:
    made = started(group)

    (group / file).write_text(text)

    assert made.close(9) == breach


def test_who_has_no_limit_has_none_of_the_attempt_before(group: Path) -> None:
    started(group).close(0)

    made = started(group, Bounds())

    assert (group / "memory.max").read_text().startswith("max")
    assert made.enforcement == {}
    made.close(0)
