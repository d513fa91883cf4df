"""Supervisors are used again, and nothing piles up."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cc_executor
from cc_executor.errors import PlatformUnsupported, SpawnFailed
from cc_executor.journal import layout
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason
from cc_executor.process import cgroup, stock, tree
from cc_executor.process.attending import Attended
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.processes import claim_of
from cc_executor.testing.scripted_agent import Script
from tests.process.support import captured, is_alive, launch, until


def family(*pids: int) -> set[int]:
    """Return the descendants of processes that are alive."""
    return {one.pid for one in tree.descendants(pids, tree.everybody()) if not one.is_dead}


@pytest.fixture(autouse=True)
def others() -> Iterator[None]:
    """Leave out what was there before: a server that other tests of this process share."""
    _others.clear()
    _others.update(family(os.getpid()))
    yield
    _others.clear()


_others: set[int] = set()


def descendants() -> set[int]:
    """Return the descendants of this process that the test has started."""
    return family(os.getpid()) - _others - family(*_others)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def own_groups() -> list[str]:
    """Return the control groups below our own that belong to our descendants."""
    mine = {str(pid) for pid in descendants()}
    found: list[str] = []
    for place in cgroup.places():
        found += [
            path.name
            for path in Path(place.parent).iterdir()
            if path.name.startswith(cgroup.PREFIX) and path.name.split("-")[2] in mine
        ]
    return found


async def test_two_hundred_quick_attempts_leave_nothing_open_or_alive(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    files = open_files()
    for number in range(200):
        folder = tmp_path / f"attempt-{number}"
        attempt = await supervision.start(launch(("/bin/echo", str(number)), folder), folder)
        assert (await attempt.wait()).exit_code == 0
        assert captured(folder) == b"%d\n" % number
        await attempt.aclose()
    await until(lambda: len(descendants()) <= 1 + 4)
    await until(lambda: len(own_groups()) <= 4)

    await supervision.aclose()

    await until(lambda: not descendants())
    await until(lambda: own_groups() == [])
    assert open_files() == files


async def test_fifty_at_once_all_run_and_the_surplus_goes(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    async def one(number: int) -> int | None:
        folder = tmp_path / f"attempt-{number}"
        script = Script().line("up").wait_for_file(gate, within_s=60)
        attempt = await supervision.start(launch(script, folder), folder)
        await attempt.changed(beyond=0)
        up.append(number)
        if len(up) == 50:
            gate.touch()
        return (await attempt.wait()).exit_code

    up: list[int] = []
    assert await asyncio.gather(*(one(number) for number in range(50))) == [0] * 50
    await until(lambda: len(descendants()) <= 1 + 4)


async def test_who_is_cancelled_as_a_supervisor_comes_is_cancelled_and_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = stock.Stock()
    serve = shelf._serve_waiting

    def serve_and_cancel(found: Any) -> bool:
        served = serve(found)
        taking.cancel()  # before it hears of it
        return served

    try:
        taking = asyncio.create_task(shelf.take())
        monkeypatch.setattr(shelf, "_serve_waiting", serve_and_cancel)
        await asyncio.wait({taking}, timeout=20)
        assert taking.cancelled()
        assert [one.supervisor for one in shelf._fresh] != []
    finally:
        await shelf.aclose()


async def test_a_supervisor_is_used_again(supervision: ProcessSupervision, tmp_path: Path) -> None:
    supervisors = set()
    for number in range(30):
        folder = tmp_path / f"attempt-{number}"
        attempt = await supervision.start(launch(("/bin/true",), folder), folder)
        await attempt.wait()
        supervisors.add(claim_of(folder).supervisor)

    assert len(supervisors) <= 4


async def test_a_supervisor_that_was_used_for_a_killed_tree_is_as_good_as_new(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    for number in range(6):
        folder = tmp_path / f"attempt-{number}"
        script = Script().child(Script().hang(), daemon=True).line("up").hang()
        attempt = await supervision.start(launch(script, folder), folder)
        await attempt.changed(beyond=0)
        if number % 2:
            await attempt.pause()
        await attempt.stop(StopReason.CANCEL, now=bool(number % 3))
        executed = await attempt.wait()

        assert executed.ended_by is EndedBy.CANCEL
        assert executed.swept == 1


async def test_a_supervisor_that_died_in_waiting_is_not_used(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    await (await supervision.start(launch(("/bin/true",), tmp_path / "a"), tmp_path / "a")).wait()
    await until(lambda: len(descendants()) >= 2)
    spawner = tree.look(claim_of(tmp_path / "a").supervisor)
    assert spawner is not None
    for process in tuple(tree.everybody()):
        if process.parent == spawner.parent:
            os.kill(process.pid, signal.SIGKILL)
    await asyncio.sleep(0.05)  # its connections break

    attempt = await supervision.start(launch(("/bin/true",), tmp_path / "b"), tmp_path / "b")

    assert (await attempt.wait()).exit_code == 0


async def test_closing_waits_for_nobody_and_ends_who_waits(tmp_path: Path) -> None:
    supervision = ProcessSupervision()
    folder = tmp_path / "attempt"
    attempt = await supervision.start(launch(Script().line("up").hang(), folder), folder)
    await attempt.changed(beyond=0)
    supervisor = claim_of(folder).supervisor

    await supervision.aclose()

    assert is_alive(supervisor)
    assert is_alive(attempt.pid)
    await attempt.stop(StopReason.CANCEL)
    await attempt.wait()
    await until(lambda: not is_alive(supervisor))
    await until(lambda: not descendants())


async def test_closing_what_was_never_used_starts_nothing() -> None:
    before = descendants()

    await ProcessSupervision().aclose()

    assert descendants() == before


async def test_a_spawner_that_cannot_start_is_a_typed_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    supervision = ProcessSupervision()

    with pytest.raises(SpawnFailed, match="nowhere"):
        await supervision.start(launch(("/bin/true",), folder), folder)
    await supervision.aclose()


async def test_a_spawner_that_dies_at_once_is_a_typed_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock, "_BOOT", Path("/nowhere/boot.py"))
    supervision = ProcessSupervision()

    with pytest.raises(SpawnFailed, match="die as soon as they start"):
        await supervision.start(launch(("/bin/true",), folder), folder)
    await supervision.aclose()


async def test_a_cancelled_start_leaves_no_attempt_behind(
    supervision: ProcessSupervision, folder: Path
) -> None:
    starting = asyncio.ensure_future(supervision.start(launch(Script().hang(), folder), folder))
    await until((folder / layout.LAUNCH).exists)

    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    again = await supervision.start(
        launch(("/bin/true",), folder.parent / "again"), folder.parent / "again"
    )
    assert (await again.wait()).exit_code == 0
    left = await supervision.adopt(folder)
    if isinstance(left, Attended):  # it was started before it was cancelled, and ends as an orphan
        await left.stop(StopReason.CANCEL)
        assert (await left.wait()).ended_by in (EndedBy.ORPHANED, EndedBy.CANCEL)
        await left.aclose()


def test_windows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    with pytest.raises(PlatformUnsupported):
        ProcessSupervision()


def test_the_spawner_imports_the_standard_library_and_nothing_heavy() -> None:
    source = Path(cc_executor.__file__).parent.parent
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import cc_executor.process.spawner; print(*sorted(sys.modules))"
    )
    ran = subprocess.run(
        (sys.executable, "-I", "-S", "-c", program, str(source)), capture_output=True, check=True
    )

    modules = {name.split(".")[0] for name in ran.stdout.decode().split()}
    assert modules - set(sys.stdlib_module_names) <= {"cc_executor", "__main__"}
    assert modules.isdisjoint({"asyncio", "logging", "pathlib", "inspect", "typing_extensions"})
