"""What is promised about time, and about what an engine's judgement does to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy, Executed
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
        ("timer", "script"),
        [
            ("total", STAYS),
            ("cap", STAYS),
            ("start", Script().hang()),
            ("first_byte", Script().hang()),
            ("idle", STAYS),
        ],
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
        [expired] = [one for one in executed.timers if one.expired]
        assert (expired.name, expired.bound_s) == (timer, 0.2)
        assert expired.ran_s >= 0.2

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

        # The name of a tool is a model's word: it may have any length.
        attempt.judge(_UP, progress=True, hold="tool " + "x" * 1_000_000, finished=False)
        ended = asyncio.ensure_future(attempt.wait())
        await pass_time(supervision, folder, 2.5)
        assert not ended.done()
        attempt.judge(_UP, progress=False, hold=None, finished=False)

        async with asyncio.timeout(BOUND_S):
            executed = await ended
        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "idle")
        assert executed.duration_s is not None
        assert executed.duration_s >= 4.0  # silence is measured from the end of the hold

    async def test_an_excuse_is_over_at_its_deadline_though_no_engine_takes_it_back(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        timers = Timers(idle_s=0.4, orphan_grace_s=BOUND_S)
        attempt = await started(supervision, STAYS, folder, timers=timers, judged=True)

        attempt.judge(_UP, progress=True, hold="api retry 1", hold_s=1.0, finished=False)
        attempt.judge(_UP, progress=False, hold="api retry 1", hold_s=BOUND_S, finished=False)
        await attempt.pause()  # what was judged has arrived when this is answered
        await attempt.resume()
        await attempt.aclose()
        taken_up = await other.adopt(folder)

        assert taken_up is not None
        executed = taken_up if isinstance(taken_up, Executed) else await end_of(taken_up)
        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "idle")
        assert executed.duration_s is not None
        assert executed.duration_s >= 1.4

    async def test_a_silent_tree_that_works_is_not_idle(
        self, supervision: Supervision, folder: Path
    ) -> None:
        works = Script().spin(2500).exit(7)
        script = Script().line("up").child(works, new_session=True).delay(3000).exit(0)
        timers = Timers(idle_s=1.0, orphan_grace_s=BOUND_S)

        executed = await end_of(
            await supervision.start(launch(script, folder, timers=timers, judged=True), folder)
        )

        assert executed.ended_by is EndedBy.EXIT

    async def test_what_is_paused_for_too_long_is_stopped(
        self, supervision: Supervision, folder: Path
    ) -> None:
        timers = Timers(total_s=BOUND_S, max_paused_s=0.3, orphan_grace_s=BOUND_S)
        attempt = await started(supervision, STAYS, folder, timers=timers)

        await attempt.pause()

        executed = await end_of(attempt)
        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "paused")
        assert [one.name for one in executed.timers if one.expired] == ["paused"]

    async def test_what_is_heard_of_a_program_before_it_shows_life_is_no_start(
        self, supervision: Supervision, folder: Path
    ) -> None:
        timers = Timers(start_s=1.0, first_byte_s=BOUND_S, orphan_grace_s=BOUND_S)
        attempt = await started(supervision, STAYS, folder, timers=timers, judged=True)

        attempt.judge(_UP, progress=False, hold=None, finished=False)

        executed = await end_of(attempt)
        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "start")

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
