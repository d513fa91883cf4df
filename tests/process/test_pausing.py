from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason
from cc_executor.process.attending import Attended
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.processes import claim_of
from cc_executor.testing.scripted_agent import Script
from tests.process.support import CLASSES, captured, is_alive, launch, state_of, until


@pytest.fixture(params=CLASSES)
def containment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def start(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> tuple[Attended, list[int]]:
    """Start a program with a tool in another session and a daemon; return their process ids."""
    pids = [folder.parent / name for name in ("tool", "daemon")]
    spin = Script().spin(60_000)
    script = (
        Script()
        .child(spin, new_session=True, pid_file=pids[0])
        .child(spin, daemon=True, pid_file=pids[1])
        .line("up")
        .spin(60_000)
    )
    attempt = await supervision.start(launch(script, folder, containment=containment), folder)
    await attempt.changed(beyond=0)
    return attempt, [attempt.pid, *(int(path.read_text()) for path in pids)]


def cpu_of(pids: list[int]) -> list[int]:
    """Return the clock ticks that each of these processes has used."""
    return [
        sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        for pid in pids
    ]


async def test_nothing_of_the_tree_runs_in_a_pause_and_all_of_it_afterwards(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    attempt, pids = await start(supervision, folder, containment)

    await attempt.pause()
    before = cpu_of(pids)
    await asyncio.sleep(0.3)  # were one of them running, it would use 30 ticks
    assert cpu_of(pids) == before

    await attempt.resume()
    await until(lambda: all(now > then for now, then in zip(cpu_of(pids), before, strict=True)))
    await attempt.stop(StopReason.CANCEL)
    executed = await attempt.wait()
    assert executed.paused_s >= 0.3


async def test_pausing_and_resuming_again_changes_nothing(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    attempt, pids = await start(supervision, folder, containment)

    await attempt.resume()
    await attempt.pause()
    await attempt.pause()
    before = cpu_of(pids)
    await attempt.resume()
    await attempt.resume()

    await until(lambda: all(now > then for now, then in zip(cpu_of(pids), before, strict=True)))
    await attempt.stop(StopReason.CANCEL)
    await attempt.wait()


@pytest.mark.parametrize("now", [False, True])
async def test_a_paused_tree_can_be_stopped(
    supervision: ProcessSupervision, folder: Path, containment: str, *, now: bool
) -> None:
    attempt, pids = await start(supervision, folder, containment)
    await attempt.pause()

    await attempt.stop(StopReason.CANCEL, now=now)
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.CANCEL
    assert not any(map(is_alive, pids))
    assert executed.swept == 2


async def test_a_paused_program_that_is_stopped_can_still_say_goodbye(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    script = Script().on_signal("TERM", Script().line("bye").exit(0)).line("up").hang()
    attempt = await supervision.start(launch(script, folder, containment=containment), folder)
    await attempt.changed(beyond=0)
    await attempt.pause()

    await attempt.stop(StopReason.CANCEL)
    executed = await attempt.wait()

    assert captured(folder) == b"up\nbye\n"
    assert executed.rung == "terminate"


async def test_what_was_stopped_before_the_pause_stays_stopped_after_it(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    pid_file = folder.parent / "pid"
    script = Script().child(Script().die("STOP"), pid_file=pid_file).line("up").hang()
    attempt = await supervision.start(launch(script, folder, containment=containment), folder)
    await attempt.changed(beyond=0)
    pid = int(pid_file.read_text())
    await until(lambda: state_of(pid) == "T")

    await attempt.pause()
    await attempt.resume()

    assert state_of(pid) == "T"
    await attempt.stop(StopReason.CANCEL)
    await attempt.wait()


async def test_a_killed_supervisor_of_a_paused_tree_leaves_nothing(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    attempt, pids = await start(supervision, folder, containment)
    await attempt.pause()

    os.kill(claim_of(folder).supervisor, signal.SIGKILL)
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.LOST
    assert not any(map(is_alive, pids))
