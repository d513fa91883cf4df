from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_executor.process import marks, tree
from cc_executor.process.tree import Process
from tests.process.support import is_alive, until

SLEEP = ("/bin/sleep", "60")


@pytest.fixture
def brand() -> int:
    return marks.new_brand()


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def process(pid: int, parent: int) -> Process:
    return Process(pid, parent, started=0, state=ord("S"))


def test_descendants_are_found_at_any_depth_and_in_any_order() -> None:
    table = [process(4, 3), process(2, 1), process(3, 2), process(9, 8), process(1, 0)]

    assert {one.pid for one in tree.descendants((2,), table)} == {3, 4}
    assert {one.pid for one in tree.descendants((1, 8), table)} == {2, 3, 4, 9}
    assert tree.descendants((4,), table) == []


def test_a_table_that_was_torn_while_it_was_read_ends_the_search(brand: int) -> None:
    del brand
    assert {one.pid for one in tree.descendants((1,), [process(2, 1), process(1, 2)])} == {1, 2}


def test_a_process_is_read_whatever_its_name(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    program = tmp_path / ") R 1 ((\n"
    program.symlink_to("/bin/sleep")
    started.append(subprocess.Popen((str(program), "60")))

    found = tree.look(started[0].pid)

    assert found is not None
    assert found.parent == os.getpid()
    assert not found.is_dead


def test_what_is_gone_is_not_found_and_cannot_be_signalled(
    started: list[subprocess.Popen[bytes]],
) -> None:
    started.append(subprocess.Popen(SLEEP))
    found = tree.look(started[0].pid)
    assert found is not None
    started[0].kill()
    started[0].wait()

    assert tree.look(found.pid) is None
    assert not tree.send(found, signal.SIGTERM)


def test_a_later_process_with_the_same_id_is_not_signalled(
    started: list[subprocess.Popen[bytes]],
) -> None:
    started.append(subprocess.Popen(SLEEP))
    found = tree.look(started[0].pid)
    assert found is not None

    assert not tree.send(found._replace(started=found.started - 1), signal.SIGKILL)
    assert is_alive(found.pid)
    assert tree.send(found, signal.SIGKILL)


def test_a_brand_survives_a_cleared_environment_and_a_new_session(
    brand: int, started: list[subprocess.Popen[bytes]]
) -> None:
    with marks.branded(brand):
        started.append(subprocess.Popen(SLEEP, env={}, start_new_session=True))

    assert marks.bears(started[0].pid, brand)
    assert not marks.bears(started[0].pid, brand + 1)
    assert not marks.bears(os.getpid(), brand)


async def test_a_mark_in_the_environment_is_found_in_any_place(
    brand: int, started: list[subprocess.Popen[bytes]]
) -> None:
    mark = marks.variables("exec.1.1", brand)
    environments = ({**mark, "Z": "z"}, {"A": "a", **mark}, mark)
    started.extend(subprocess.Popen(SLEEP, env=env) for env in environments)  # noqa: ASYNC220 - nothing else runs on this loop

    # An exec has happened a moment before its environment can be read.
    await until(lambda: all(marks.bears(one.pid, brand) for one in started))
    assert not any(marks.bears(one.pid, brand // 16) for one in started)


def test_a_process_that_is_gone_bears_nothing(brand: int) -> None:
    assert not marks.bears(2**22 + 1, brand)


async def test_everything_that_bears_a_brand_is_killed_with_its_descendants(
    brand: int, started: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    program = (
        "import os, resource, subprocess, sys, signal;"
        "resource.setrlimit(resource.RLIMIT_RTTIME, (resource.RLIM_INFINITY,) * 2);"
        "child = subprocess.Popen(['/bin/sleep', '60'], env={});"
        "open(sys.argv[1], 'w').write(f'{child.pid} ');"
        "signal.pause()"
    )
    note = tmp_path / "pid"
    env = marks.variables("exec.1.1", brand)
    started.append(
        await asyncio.to_thread(
            subprocess.Popen, (sys.executable, "-c", program, str(note)), env=env
        )
    )
    await until(lambda: note.exists() and note.read_text().endswith(" "))
    unmarked = int(note.read_text())
    assert not marks.bears(unmarked, brand)
    assert {one.pid for one in tree.marked(brand)} == {started[0].pid, unmarked}

    swept = tree.kill_marked(brand, within_s=10)

    assert swept.killed == {started[0].pid, unmarked}
    assert swept.survivors == ()
    assert not is_alive(unmarked)


def test_what_nobody_bears_is_found_quickly_to_be_nothing(brand: int) -> None:
    assert tree.kill_marked(brand, within_s=10) == tree.Swept(frozenset())
