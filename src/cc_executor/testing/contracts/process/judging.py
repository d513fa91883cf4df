"""What is promised about time, and about what an engine's judgement does to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason, Supervision
from cc_executor.testing.contracts.process.fixtures import (
    BOUND_S,
    STAYS,
    WithSupervision,
    end_of,
    launch,
    pass_time,
    started,
)
from cc_executor.testing.scripted_agent import Script

_UP = len(b"up\n")


class JudgingPromises(WithSupervision):
    @pytest.mark.parametrize(
        ("timer", "script"), [("total", STAYS), ("start", Script().hang()), ("idle", STAYS)]
    )
    async def test_a_timer_ends_the_attempt_and_is_named(
        self, supervision: Supervision, folder: Path, timer: str, script: Script
    ) -> None:
        timers = Timers(orphan_grace_s=BOUND_S, **{f"{timer}_s": 0.2})

        executed = await end_of(
            await supervision.start(launch(script, folder, timers=timers), folder)
        )

        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, timer)
        assert executed.duration_s is not None
        assert executed.duration_s >= 0.2

    async def test_output_that_nobody_judges_keeps_the_idle_timer_quiet(
        self, supervision: Supervision, folder: Path
    ) -> None:
        script = Script()
        for _ in range(15):
            script = script.line("still here").delay(50)
        timers = Timers(idle_s=0.6, orphan_grace_s=BOUND_S)

        executed = await end_of(
            await supervision.start(launch(script, folder, timers=timers, judged=True), folder)
        )

        assert executed.ended_by is EndedBy.EXIT

    async def test_output_that_is_judged_to_be_no_progress_does_not(
        self, supervision: Supervision, folder: Path
    ) -> None:
        script = Script()
        for _ in range(400):
            script = script.line("ping").delay(20)
        timers = Timers(idle_s=0.4, orphan_grace_s=BOUND_S)
        attempt = await supervision.start(
            launch(script, folder, timers=timers, judged=True), folder
        )

        judged = -1
        async with asyncio.timeout(BOUND_S):
            while attempt.head > judged:
                judged = attempt.head
                attempt.judge(judged, progress=False, hold=None, finished=False)
                await attempt.changed(beyond=judged)

        executed = await end_of(attempt)
        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "idle")

    async def test_a_hold_keeps_the_idle_timer_quiet_until_it_is_lifted(
        self, supervision: Supervision, folder: Path
    ) -> None:
        timers = Timers(idle_s=2.0, orphan_grace_s=BOUND_S)
        attempt = await started(supervision, STAYS, folder, timers=timers, judged=True)

        attempt.judge(_UP, progress=True, hold="tool", finished=False)
        ended = asyncio.ensure_future(attempt.wait())
        await pass_time(supervision, folder, 2.5)
        assert not ended.done()
        attempt.judge(_UP, progress=False, hold=None, finished=False)

        async with asyncio.timeout(BOUND_S):
            executed = await ended
        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "idle")
        assert executed.duration_s is not None
        assert executed.duration_s >= 4.0  # silence is measured from the end of the hold

    async def test_what_stays_after_its_result_has_its_grace(
        self, supervision: Supervision, folder: Path
    ) -> None:
        timers = Timers(grace_s=0.2, orphan_grace_s=BOUND_S)
        attempt = await started(supervision, STAYS, folder, timers=timers, judged=True)

        attempt.judge(_UP, progress=True, hold=None, finished=True)

        executed = await end_of(attempt)
        assert (executed.ended_by, executed.timer) == (EndedBy.GRACE, None)

    async def test_work_that_goes_on_after_all_is_given_no_grace(
        self, supervision: Supervision, folder: Path
    ) -> None:
        timers = Timers(grace_s=0.5, orphan_grace_s=BOUND_S)
        attempt = await started(supervision, STAYS, folder, timers=timers, judged=True)

        attempt.judge(_UP, progress=True, hold=None, finished=True)
        attempt.judge(_UP, progress=False, hold=None, finished=False)
        ended = asyncio.ensure_future(attempt.wait())
        await pass_time(supervision, folder, 1.0)

        assert not ended.done()
        await attempt.stop(StopReason.CANCEL)
        async with asyncio.timeout(BOUND_S):
            assert (await ended).ended_by is EndedBy.CANCEL
