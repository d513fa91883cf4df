from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from cc_executor.model.launch import StopRung
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.processes import claim_of
from cc_executor.testing.scripted_agent import Script
from tests.process.support import CLASSES, captured, launch

POLITE = Script().on_signal("TERM", Script().line("bye").exit(143)).line("up").hang()
STUBBORN = Script().ignore(("TERM", "INT")).line("up").hang()


async def test_rungs_are_climbed_in_order(supervision: ProcessSupervision, folder: Path) -> None:
    script = (
        Script()
        .on_signal("INT", Script().line("int"))
        .on_signal("TERM", Script().line("term"))
        .line("up")
        .hang()
    )
    rungs = ("stdin", "interrupt", "terminate", "kill")
    ladder = tuple(StopRung(action=action, grace_s=0.2) for action in rungs)
    attempt = await supervision.start(
        launch(script, folder, ladder=ladder, keep_stdin_open=True), folder
    )
    await attempt.changed(beyond=0)

    await attempt.stop(StopReason.CANCEL)
    executed = await attempt.wait()

    assert captured(folder) == b"up\nint\nterm\n"
    assert executed.rung == "kill"


async def test_closing_stdin_is_enough_for_who_reads_it(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ladder = (StopRung(action="stdin", grace_s=10), StopRung(action="kill", grace_s=5))
    ordered = launch(Script().line("up").cat(), folder, ladder=ladder, keep_stdin_open=True)
    attempt = await supervision.start(ordered, folder)
    await attempt.changed(beyond=0)

    await attempt.stop(StopReason.CANCEL)
    executed = await attempt.wait()

    assert (executed.rung, executed.exit_code) == ("stdin", 0)


async def test_a_ladder_without_a_kill_has_one(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ladder = (StopRung(action="terminate", grace_s=0.1),)
    attempt = await supervision.start(launch(STUBBORN, folder, ladder=ladder), folder)
    await attempt.changed(beyond=0)

    await attempt.stop(StopReason.CANCEL)

    assert (await attempt.wait()).rung == "kill"


@pytest.mark.parametrize("containment", CLASSES)
async def test_a_supervisor_that_is_told_to_terminate_ends_its_tree_first(
    supervision: ProcessSupervision, folder: Path, containment: str
) -> None:
    attempt = await supervision.start(launch(POLITE, folder, containment=containment), folder)
    await attempt.changed(beyond=0)

    os.kill(claim_of(folder).supervisor, signal.SIGTERM)
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.ORPHANED
    assert "SIGTERM" in str(executed.error)
    assert executed.exit_code == 143
