"""What takes too much is ended, with real processes and on every class of containment."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from cc_executor.model.launch import Bounds, Launch, Timers
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.process import cgroup, kernel_limits
from cc_executor.process.meter import Breach, Meter, Place
from cc_executor.process.order import Bounds as OrderedBounds
from cc_executor.process.report import limit_keepers
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.scripted_agent import Script
from tests.process.support import BOUND_S, CLASSES, launch, until
from tests.process.test_reused_supervisors import supervisor_of

_MIB: Final = 1 << 20
#: Whatever fails here: these programs end by themselves soon.
_TIMERS: Final = Timers(total_s=BOUND_S, orphan_grace_s=BOUND_S)

#: Each program stays when it has what it can get; none can take much if nothing stops it.
_HOG: Final = """
import time
held = [b"x" * (8 << 20) for _ in range(40)]
time.sleep(60)
"""
_SHARED_HOG: Final = """
import mmap, os, time
held = mmap.mmap(-1, 200 << 20)
held[:] = b"x" * len(held)
for _ in range(3):
    os.fork()
sum(held[::4096])  # the pages are in the table of each of them
time.sleep(60)
"""
_BOMB: Final = """
import os, time
time.sleep(DELAY_S)
for _ in range(12):
    try:
        os.fork()
    except OSError:
        break
    time.sleep(0.05)
time.sleep(60)
"""
#: Is large before anybody has looked at it; or grows when the kernel counts it already.
_EARLY_BOMB: Final = _BOMB.replace("DELAY_S", "0")
_LATE_BOMB: Final = _BOMB.replace("DELAY_S", "0.7")
_LARGE_FILE: Final = """
import signal, time
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
with open("large", "wb") as file:
    while file.tell() < 64 << 20:
        file.write(b"x" * (1 << 16))
time.sleep(60)
"""
_DISK: Final = """
import time
for number in range(64):
    with open(f"part-{number}", "wb") as file:
        file.write(b"x" * (1 << 20))
time.sleep(60)
"""
_FILES: Final = """
import os, time
for number in range(30_000):
    os.close(os.open(f"file-{number}", os.O_CREAT | os.O_WRONLY))
time.sleep(60)
"""
_OUTPUT: Final = """
import os
block = b"x" * (1 << 16)
for _ in range(10 << 14):
    os.write(1, block)
"""


_COUNTED: Final = limit_keepers()["processes"] == "cgroup"


def _program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", text)


async def _end(
    supervision: ProcessSupervision, program: str, folder: Path, bounds: Bounds, **more: Any
) -> Executed:
    order: Launch = launch(_program(program), folder, timers=_TIMERS, bounds=bounds, **more)
    attempt = await supervision.start(order, folder)
    async with asyncio.timeout(2 * BOUND_S):
        return await attempt.wait()


@pytest.mark.parametrize("containment", CLASSES)
async def test_a_memory_hog_ends(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    executed = await _end(
        supervision, _HOG, folder, Bounds(memory_bytes=100 * _MIB), containment=containment
    )

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "memory")
    assert "100.0 MiB" in str(executed.error)
    assert executed.enforcement["memory"] in ("cgroup", "poll")
    assert executed.rung == "kill"  # it may not grow while it is asked to leave


@pytest.mark.parametrize("containment", CLASSES)
async def test_a_fork_bomb_ends(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    executed = await _end(
        supervision, _EARLY_BOMB, folder, Bounds(processes=24), containment=containment
    )

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "processes")
    assert "24 are allowed" in str(executed.error)
    assert executed.swept > 0


@pytest.mark.parametrize("containment", CLASSES)
async def test_a_fork_bomb_cannot_grow_beyond_its_limit_where_the_kernel_counts(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    executed = await _end(
        supervision, _LATE_BOMB, folder, Bounds(processes=24), containment=containment
    )

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "processes")
    if _COUNTED:
        assert executed.enforcement == {"processes": "cgroup"}
        assert executed.error == "the kernel refused a new one; 24 are allowed"


async def test_memory_that_processes_share_counts_once(
    supervision: ProcessSupervision, folder: Path
) -> None:
    order = launch(
        _program(_SHARED_HOG),
        folder,
        timers=Timers(total_s=1.5, orphan_grace_s=BOUND_S),
        bounds=Bounds(memory_bytes=400 * _MIB),
    )
    attempt = await supervision.start(order, folder)

    async with asyncio.timeout(2 * BOUND_S):
        executed = await attempt.wait()

    assert executed.timer == "total"  # eight times 200 MiB, if each had its own


async def test_a_file_that_is_too_large_ends_it(
    supervision: ProcessSupervision, folder: Path
) -> None:
    executed = await _end(supervision, _LARGE_FILE, folder, Bounds(file_size_bytes=_MIB))

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "file_size")
    assert "1.0 MiB" in str(executed.error)
    assert executed.enforcement == {"file_size": "rlimit"}
    assert (folder.parent / "workspace" / "large").stat().st_size == _MIB + 1


async def test_who_is_told_that_a_file_is_too_large_and_exits_has_reached_the_limit_too(
    supervision: ProcessSupervision, folder: Path
) -> None:
    told = _LARGE_FILE.replace("SIG_DFL", "SIG_IGN")  # as in any Python: the write fails

    executed = await _end(supervision, told, folder, Bounds(file_size_bytes=_MIB))

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "file_size")
    assert executed.exit_code == 1
    assert "'large'" in str(executed.error)


async def test_a_file_that_is_too_large_and_lies_elsewhere_is_known_by_the_signal(
    supervision: ProcessSupervision, folder: Path
) -> None:
    elsewhere = _LARGE_FILE.replace('"large"', repr(str(folder.parent / "large")))

    executed = await _end(supervision, elsewhere, folder, Bounds(file_size_bytes=_MIB))

    assert (executed.limit, executed.signal) == ("file_size", "SIGXFSZ")


def test_processes_that_no_kernel_counts_are_counted_by_looking(tmp_path: Path) -> None:
    seen: queue.Queue[Breach] = queue.Queue()
    meter = Meter(
        OrderedBounds(processes=0),
        Place((str(tmp_path),), "", 0.0),
        members=lambda: [os.getpid()],
        also=lambda: None,
        on_breach=seen.put,
    )
    meter.start()

    breach = seen.get(timeout=BOUND_S)

    assert meter.close(thorough=False)
    assert breach.limit == "processes"
    assert "0 are allowed" in breach.problem


async def test_too_much_on_the_disk_ends_it(supervision: ProcessSupervision, folder: Path) -> None:
    executed = await _end(supervision, _DISK, folder, Bounds(disk_bytes=8 * _MIB))

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "disk")
    assert "8.0 MiB are allowed" in str(executed.error)


async def test_too_many_files_end_it(supervision: ProcessSupervision, folder: Path) -> None:
    executed = await _end(supervision, _FILES, folder, Bounds(files=1_000))

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "files")
    assert "1000 are allowed" in str(executed.error)


async def test_ten_gibibytes_of_output_end_it_at_its_limit(
    supervision: ProcessSupervision, folder: Path
) -> None:
    executed = await _end(supervision, _OUTPUT, folder, Bounds(), output_limit_bytes=_MIB)

    assert (executed.ended_by, executed.limit) == (EndedBy.LIMIT, "output")
    assert (folder / "output").stat().st_size == executed.output_bytes == _MIB
    assert executed.enforcement == {"output": "supervisor"}


async def test_who_stays_below_all_limits_ends_by_itself(
    supervision: ProcessSupervision, folder: Path
) -> None:
    bounds = Bounds(
        memory_bytes=1 << 30, processes=100, file_size_bytes=_MIB, disk_bytes=_MIB, files=10
    )
    script = Script().write_file("mine", "text").delay(0.4).exit(3)

    attempt = await supervision.start(launch(script, folder, bounds=bounds), folder)

    executed = await attempt.wait()
    assert (executed.ended_by, executed.exit_code) == (EndedBy.EXIT, 3)
    assert set(executed.enforcement) == {"memory", "processes", "file_size", "disk", "files"}


async def test_what_was_there_before_does_not_count(
    supervision: ProcessSupervision, folder: Path
) -> None:
    workspace = folder.parent / "workspace"
    workspace.mkdir()
    for number in range(200):
        (workspace / f"old-{number}").write_bytes(b"x" * 4096)
    await asyncio.sleep(0.05)  # the kernel's clock for files ticks slower than ours
    order = launch(
        _program("import time; time.sleep(0.7)"),
        folder,
        bounds=Bounds(files=100, disk_bytes=_MIB // 4),
    )

    executed = await (await supervision.start(order, folder)).wait()

    assert executed.ended_by is EndedBy.EXIT


async def test_no_group_is_left_of_an_attempt_that_was_counted(
    supervision: ProcessSupervision, folder: Path
) -> None:
    await _end(supervision, _LATE_BOMB, folder, Bounds(processes=24))
    await supervision.aclose()

    place = kernel_limits.counter_place()
    names = [] if place is None else [one.name for one in Path(place.parent).iterdir()]
    mine = [name for name in names if name.startswith(cgroup.PREFIX)]
    assert not [one for one in mine if not cgroup._is_alive(int(one.split("-")[2]))]


async def test_no_group_is_left_of_a_supervisor_that_was_killed(
    supervision: ProcessSupervision, folder: Path
) -> None:
    order = launch(("/bin/sleep", "60"), folder, timers=_TIMERS, bounds=Bounds(processes=24))
    attempt = await supervision.start(order, folder)
    supervisor = supervisor_of(folder)
    if _COUNTED:
        await until(lambda: bool(_counters_of(supervisor)))

    os.kill(supervisor, signal.SIGKILL)

    assert (await attempt.wait()).ended_by is EndedBy.LOST
    await until(lambda: not _counters_of(supervisor))


def _counters_of(supervisor: int) -> list[str]:
    place = kernel_limits.counter_place()
    names = [] if place is None else [one.name for one in Path(place.parent).iterdir()]
    return [name for name in names if name.startswith(f"{cgroup.PREFIX}{supervisor}-")]


async def test_the_next_attempt_of_a_supervisor_has_no_limits_of_the_one_before(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    bounds = Bounds(file_size_bytes=_MIB, processes=64)
    unbounded = _LARGE_FILE.replace("time.sleep(60)", "")
    for number in range(50):
        first, second = tmp_path / f"{number}-first", tmp_path / f"{number}-second"
        short = launch(("/bin/true",), first, bounds=bounds)
        await (await supervision.start(short, first)).wait()
        executed = await _end(supervision, unbounded, second, Bounds())
        if supervisor_of(first) == supervisor_of(second):
            assert (executed.ended_by, executed.exit_code) == (EndedBy.EXIT, 0)
            assert executed.enforcement == {}
            return
    raise AssertionError("no supervisor was used again")
