"""Nothing is left behind: eight ways to refuse to be over, in each class of containment."""

from __future__ import annotations

from pathlib import Path

import pytest

from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.hostile import HOSTILE, LIFELINE, READY
from cc_executor.testing.lifeline import is_held
from cc_executor.testing.processes import survivors
from cc_executor.testing.scripted_agent import Script
from tests.process.support import CLASSES, is_alive, launch, until

#: They end by themselves; all others hang until they are stopped.
ENDING = ("stdout_holder",)
CANCELLED = (EndedBy.CANCEL,)
#: A time-out proves something once the agent was ready before it: how long that takes is the
#: machine's business.
PATIENCE_S = (0.4, 1.6, 6.4, 25.6)


@pytest.mark.parametrize("containment", CLASSES)
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_cancelled_attempt_leaves_nothing(
    supervision: ProcessSupervision, folder: Path, name: str, containment: str
) -> None:
    ordered = launch(HOSTILE[name], folder, containment=containment)
    attempt = await supervision.start(ordered, folder)
    await until((Path(ordered.cwd) / READY).exists)

    await attempt.stop(StopReason.CANCEL)
    executed = await attempt.wait()

    assert executed.ended_by in ((EndedBy.CANCEL, EndedBy.EXIT) if name in ENDING else CANCELLED)
    assert survivors(folder) == ()
    assert not is_held(Path(ordered.cwd) / LIFELINE)


@pytest.mark.parametrize("containment", CLASSES)
@pytest.mark.parametrize("name", HOSTILE)
async def test_an_attempt_that_is_killed_at_once_leaves_nothing(
    supervision: ProcessSupervision, folder: Path, name: str, containment: str
) -> None:
    ordered = launch(HOSTILE[name], folder, containment=containment)
    attempt = await supervision.start(ordered, folder)
    await until((Path(ordered.cwd) / READY).exists)

    await attempt.stop(StopReason.CANCEL, now=True)
    await attempt.wait()

    assert not is_held(Path(ordered.cwd) / LIFELINE)


@pytest.mark.parametrize("containment", CLASSES)
@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in ENDING])
async def test_an_attempt_that_times_out_leaves_nothing(
    supervision: ProcessSupervision, tmp_path: Path, name: str, containment: str
) -> None:
    for total_s in PATIENCE_S:
        folder = tmp_path / f"within-{total_s:g}-s" / "attempt"
        folder.parent.mkdir()
        timers = Timers(total_s=total_s, orphan_grace_s=60)
        ordered = launch(HOSTILE[name], folder, containment=containment, timers=timers)

        executed = await (await supervision.start(ordered, folder)).wait()

        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "total")
        assert survivors(folder) == ()
        if (Path(ordered.cwd) / READY).exists():
            assert not is_held(Path(ordered.cwd) / LIFELINE)
            return
    pytest.fail(f"{name} was never as nasty as it gets")


@pytest.mark.parametrize("containment", CLASSES)
async def test_what_an_agent_leaves_when_it_ends_well_is_killed_and_counted(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    pid_files = [folder.parent / f"pid-{number}" for number in range(3)]
    hang = Script().hang()
    script = (
        Script()
        .child(hang, pid_file=pid_files[0])
        .child(hang, new_session=True, ignoring=("TERM",), pid_file=pid_files[1])
        .child(hang, daemon=True, clear_env=False, pid_file=pid_files[2])
        .exit(0)
    )

    attempt = await supervision.start(launch(script, folder, containment=containment), folder)
    executed = await attempt.wait()

    assert (executed.ended_by, executed.exit_code, executed.swept) == (EndedBy.EXIT, 0, 3)
    assert executed.rung is None
    assert not any(is_alive(int(path.read_text())) for path in pid_files)


@pytest.mark.parametrize("containment", CLASSES)
async def test_a_fan_of_fifty_processes_is_gone_with_its_root(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    script = Script().lifeline(folder.parent / "lifeline")
    ready = [folder.parent / f"branch-{number}" for number in range(9)]
    for path in ready:
        branch = Script()
        for _ in range(5):
            branch = branch.child(Script().hang(), new_session=True)
        script = script.child(branch.touch(path).hang(), daemon=True)
    for path in ready:
        script = script.wait_for_file(path)
    attempt = await supervision.start(
        launch(script.line("up").hang(), folder, containment=containment), folder
    )
    await attempt.changed(beyond=0)

    await attempt.stop(StopReason.CANCEL)
    executed = await attempt.wait()

    assert executed.swept == 9 * 6
    assert not is_held(folder.parent / "lifeline")
