"""The timers, with real processes."""

from __future__ import annotations

from pathlib import Path

from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.scripted_agent import Script
from tests.process.support import launch, until

SILENT = Script().hang()


async def test_without_orphan_grace_it_ends_with_its_engine(
    supervision: ProcessSupervision, folder: Path
) -> None:
    attempt = await supervision.start(launch(SILENT, folder, timers=Timers()), folder)

    await attempt.aclose()
    await until((folder / "outcome.json").exists)

    executed = await supervision.adopt(folder)
    assert getattr(executed, "ended_by", None) is EndedBy.ORPHANED


async def test_a_cancel_wins_over_a_timer_that_ends_later(
    supervision: ProcessSupervision, folder: Path
) -> None:
    timers = Timers(total_s=0.3, orphan_grace_s=30)
    script = Script().ignore(("TERM",)).line("up").hang()
    attempt = await supervision.start(launch(script, folder, timers=timers), folder)
    await attempt.changed(beyond=0)

    await attempt.stop(StopReason.CANCEL)

    assert (await attempt.wait()).ended_by is EndedBy.CANCEL
