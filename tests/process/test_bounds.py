"""The timers, with real processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason
from cc_executor.process.attending import Attended
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.scripted_agent import Script
from tests.process.support import launch, until

SILENT = Script().hang()
TALKING = Script().lines(1).delay(50)


@pytest.mark.parametrize(
    ("timer", "script"),
    [
        ("total", Script().line("up").hang()),
        ("start", SILENT),
        ("idle", Script().line("up").hang()),
    ],
)
async def test_a_timer_ends_the_attempt_and_is_named(
    supervision: ProcessSupervision, folder: Path, timer: str, script: Script
) -> None:
    timers = Timers(orphan_grace_s=30, **{f"{timer}_s": 0.2})

    executed = await (await supervision.start(launch(script, folder, timers=timers), folder)).wait()

    assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, timer)
    assert executed.rung == "terminate"
    assert executed.signal == "SIGTERM"
    assert executed.duration_s is not None
    assert executed.duration_s >= 0.2


async def test_output_that_goes_on_keeps_the_idle_timer_quiet(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = Script()
    for _ in range(12):
        script = script.line("still here").delay(50)
    timers = Timers(idle_s=0.4, orphan_grace_s=30)

    executed = await (await supervision.start(launch(script, folder, timers=timers), folder)).wait()

    assert executed.ended_by is EndedBy.EXIT


async def test_output_that_is_judged_to_be_none_does_not(
    supervision: ProcessSupervision, folder: Path
) -> None:
    script = Script()
    for _ in range(200):
        script = script.line("ping").delay(20)
    timers = Timers(idle_s=0.4, orphan_grace_s=30)
    attempt = await supervision.start(launch(script, folder, timers=timers, judged=True), folder)

    judged = -1
    while attempt.head > judged:
        judged = attempt.head
        attempt.judge(judged, progress=False, hold=None, finished=False)
        await attempt.changed(beyond=judged)

    executed = await attempt.wait()
    assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "idle")


async def test_a_hold_keeps_the_idle_timer_quiet_until_it_is_lifted(
    supervision: ProcessSupervision, folder: Path
) -> None:
    timers = Timers(idle_s=0.3, total_s=1.5, orphan_grace_s=30)
    attempt = await supervision.start(
        launch(Script().line("up").hang(), folder, timers=timers, judged=True), folder
    )
    await attempt.changed(beyond=0)

    attempt.judge(3, progress=True, hold="tool", finished=False)

    executed = await attempt.wait()
    assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "total")


async def test_work_that_is_finished_is_given_its_grace_and_may_still_go_on(
    supervision: ProcessSupervision, folder: Path
) -> None:
    timers = Timers(grace_s=0.3, total_s=1.0, orphan_grace_s=30)
    attempt = await supervision.start(
        launch(Script().line("up").hang(), folder, timers=timers, judged=True), folder
    )
    await attempt.changed(beyond=0)

    attempt.judge(3, progress=True, hold=None, finished=True)
    attempt.judge(3, progress=False, hold=None, finished=False)

    executed = await attempt.wait()
    assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "total")


async def test_an_attempt_without_engine_ends_after_its_orphan_grace(
    supervision: ProcessSupervision, folder: Path
) -> None:
    timers = Timers(orphan_grace_s=0.2)
    attempt = await supervision.start(launch(SILENT, folder, timers=timers), folder)

    await attempt.aclose()
    found = await supervision.adopt(folder)  # before the grace is over, or after it
    if isinstance(found, Attended):
        await found.aclose()
    await until((folder / "outcome.json").exists)

    executed = await supervision.adopt(folder)
    assert getattr(executed, "ended_by", None) is EndedBy.ORPHANED


async def test_without_orphan_grace_it_ends_with_its_engine(
    supervision: ProcessSupervision, folder: Path
) -> None:
    attempt = await supervision.start(launch(SILENT, folder, timers=Timers()), folder)

    await attempt.aclose()
    await until((folder / "outcome.json").exists)

    executed = await supervision.adopt(folder)
    assert getattr(executed, "ended_by", None) is EndedBy.ORPHANED


async def test_a_pause_stops_the_clocks(supervision: ProcessSupervision, folder: Path) -> None:
    timers = Timers(total_s=0.5, idle_s=0.5, start_s=0.5, orphan_grace_s=30)
    attempt = await supervision.start(launch(SILENT, folder, timers=timers), folder)

    await attempt.pause()
    await asyncio.sleep(0.8)  # longer than every timer: were they running, it would have ended
    assert not (folder / "outcome.json").exists()
    await attempt.resume()
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.TIMER
    assert executed.paused_s >= 0.8
    assert executed.duration_s is not None
    assert executed.duration_s - executed.paused_s >= 0.5


async def test_a_cancel_wins_over_a_timer_that_ends_later(
    supervision: ProcessSupervision, folder: Path
) -> None:
    timers = Timers(total_s=0.3, orphan_grace_s=30)
    script = Script().ignore(("TERM",)).line("up").hang()
    attempt = await supervision.start(launch(script, folder, timers=timers), folder)
    await attempt.changed(beyond=0)

    await attempt.stop(StopReason.CANCEL)

    assert (await attempt.wait()).ended_by is EndedBy.CANCEL
