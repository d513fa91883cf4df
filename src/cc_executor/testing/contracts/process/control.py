"""What is promised about pausing, resuming and stopping."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.model.launch import StopRung, Timers
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason, Supervision
from cc_executor.testing.contracts.process.fixtures import (
    BOUND_S,
    DEAF,
    LIFELINE,
    STAYS,
    WITH_OTHERS,
    WithSupervision,
    end_of,
    launch,
    pass_time,
    started,
    workspace_of,
)
from cc_executor.testing.lifeline import is_held
from cc_executor.testing.scripted_agent import Script

_GATE = Script().line("up").wait_for_file("gate").exit(0)


class ControlPromises(WithSupervision):
    async def test_nothing_runs_in_a_pause_and_all_goes_on_after_it(
        self, supervision: Supervision, folder: Path
    ) -> None:
        child = Script().wait_for_file("gate").touch("child-went-on").hang()
        script = Script().child(child, new_session=True).and_then(_GATE)
        attempt = await started(supervision, script, folder)

        await attempt.pause()
        (workspace_of(folder) / "gate").touch()
        ended = asyncio.ensure_future(attempt.wait())
        await pass_time(supervision, folder, 0.3)
        assert not ended.done()
        assert not (workspace_of(folder) / "child-went-on").exists()

        await attempt.resume()
        async with asyncio.timeout(BOUND_S):
            executed = await ended
        assert (executed.ended_by, executed.exit_code) == (EndedBy.EXIT, 0)
        assert executed.paused_s >= 0.3

    async def test_pausing_and_resuming_again_changes_nothing(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, _GATE, folder)

        await attempt.resume()
        await attempt.pause()
        await attempt.pause()
        (workspace_of(folder) / "gate").touch()
        await attempt.resume()
        await attempt.resume()

        assert (await end_of(attempt)).exit_code == 0

    async def test_a_pause_stops_the_clocks(self, supervision: Supervision, folder: Path) -> None:
        timers = Timers(total_s=0.5, orphan_grace_s=BOUND_S)
        script = Script().hang()
        attempt = await supervision.start(launch(script, folder, timers=timers), folder)

        await attempt.pause()
        ended = asyncio.ensure_future(attempt.wait())
        await pass_time(supervision, folder, 0.8)
        assert not ended.done()
        await attempt.resume()

        async with asyncio.timeout(BOUND_S):
            executed = await ended
        assert (executed.ended_by, executed.timer) == (EndedBy.TIMER, "total")
        assert executed.duration_s is not None
        assert executed.duration_s - executed.paused_s >= 0.5

    @pytest.mark.parametrize("now", [False, True])
    async def test_a_paused_tree_can_be_stopped(
        self, supervision: Supervision, folder: Path, *, now: bool
    ) -> None:
        attempt = await started(supervision, WITH_OTHERS, folder)
        await attempt.pause()

        await attempt.stop(StopReason.CANCEL, now=now)

        assert (await end_of(attempt)).ended_by is EndedBy.CANCEL
        assert not is_held(workspace_of(folder) / LIFELINE)

    async def test_a_stop_climbs_the_ladder_no_further_than_is_needed(
        self, supervision: Supervision, folder: Path
    ) -> None:
        polite = Script().on_signal("TERM", Script().touch("bye").exit(9)).line("up").hang()
        attempt = await started(supervision, polite, folder)

        await attempt.stop(StopReason.CANCEL)

        executed = await end_of(attempt)
        assert (executed.ended_by, executed.rung) == (EndedBy.CANCEL, "terminate")
        assert executed.exit_code == 9
        assert (workspace_of(folder) / "bye").exists()

    async def test_whoever_is_deaf_is_killed(self, supervision: Supervision, folder: Path) -> None:
        attempt = await started(supervision, DEAF, folder)

        await attempt.stop(StopReason.CANCEL)

        executed = await end_of(attempt)
        assert (executed.ended_by, executed.rung) == (EndedBy.CANCEL, "kill")
        assert executed.signal == "SIGKILL"

    async def test_a_stop_now_waits_for_no_grace_and_overtakes_an_earlier_stop(
        self, supervision: Supervision, folder: Path
    ) -> None:
        patient = (
            StopRung(action="terminate", grace_s=1_000),
            StopRung(action="kill", grace_s=BOUND_S),
        )
        attempt = await started(supervision, DEAF, folder, ladder=patient)
        await attempt.stop(StopReason.CANCEL)

        await attempt.stop(StopReason.CANCEL, now=True)

        executed = await end_of(attempt)
        assert (executed.ended_by, executed.rung) == (EndedBy.CANCEL, "kill")

    @pytest.mark.parametrize("reason", StopReason)
    async def test_the_reason_becomes_how_it_ended(
        self, supervision: Supervision, folder: Path, reason: StopReason
    ) -> None:
        attempt = await started(supervision, STAYS, folder)

        await attempt.stop(reason)

        assert (await end_of(attempt)).ended_by == str(reason)

    async def test_the_first_reason_is_the_one_that_counts(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, DEAF, folder)

        await attempt.stop(StopReason.CANCEL)
        await attempt.stop(StopReason.ORPHANED)

        assert (await end_of(attempt)).ended_by is EndedBy.CANCEL

    async def test_what_has_ended_cannot_be_controlled_any_more_and_nobody_complains(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await supervision.start(launch(Script().exit(0), folder), folder)
        executed = await end_of(attempt)

        await attempt.pause()
        await attempt.resume()
        await attempt.stop(StopReason.CANCEL)
        await attempt.stop(StopReason.CANCEL, now=True)
        attempt.judge(0, progress=False, hold=None, finished=True)

        assert await end_of(attempt) == executed
        assert executed.ended_by is EndedBy.EXIT
