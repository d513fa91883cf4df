"""What is promised about the end, and about engines that leave."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.ports.process import StopReason, Supervision
from cc_executor.testing.contracts.process.fixtures import (
    LIFELINE,
    STAYS,
    WITH_OTHERS,
    KillSupervisor,
    WithSupervision,
    end_of,
    launch,
    started,
    until,
    workspace_of,
)
from cc_executor.testing.lifeline import is_held
from cc_executor.testing.scripted_agent import Script


class EndingPromises(WithSupervision):
    async def test_when_the_end_is_told_the_whole_tree_is_gone(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, WITH_OTHERS, folder)
        assert is_held(workspace_of(folder) / LIFELINE)

        await attempt.stop(StopReason.CANCEL)
        executed = await end_of(attempt)

        assert not is_held(workspace_of(folder) / LIFELINE)
        assert executed.swept == 2

    async def test_what_a_child_leaves_when_it_ends_by_itself_is_gone_too(
        self, supervision: Supervision, folder: Path
    ) -> None:
        script = Script().lifeline(LIFELINE).child(Script().hang(), daemon=True).exit(0)

        executed = await end_of(await supervision.start(launch(script, folder), folder))

        assert (executed.ended_by, executed.exit_code, executed.swept) == (EndedBy.EXIT, 0, 1)
        assert not is_held(workspace_of(folder) / LIFELINE)

    async def test_a_death_by_signal_has_its_name_and_no_exit_code(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await supervision.start(launch(Script().die("SEGV"), folder), folder)

        executed = await end_of(attempt)

        assert (executed.exit_code, executed.signal) == (None, "SIGSEGV")

    async def test_everybody_who_waits_is_told_the_same_and_may_give_up(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, STAYS, folder)
        waiting = [asyncio.ensure_future(attempt.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]

        await attempt.stop(StopReason.CANCEL)

        executed = await end_of(attempt)
        assert executed.ended_by is EndedBy.CANCEL  # not by whoever gave up
        assert [await one for one in waiting[1:]] == [executed] * 2

    async def test_the_end_is_on_disk_when_it_is_told(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        attempt = await supervision.start(launch(Script().line("x").exit(4), folder), folder)

        executed = await end_of(attempt)

        assert await other.adopt(folder) == executed

    async def test_a_supervisor_that_was_killed_is_a_loss_and_its_tree_is_swept(
        self, supervision: Supervision, folder: Path, kill_supervisor: KillSupervisor
    ) -> None:
        attempt = await started(supervision, WITH_OTHERS, folder)

        await asyncio.to_thread(kill_supervisor, folder)
        executed = await end_of(attempt)

        assert executed.ended_by is EndedBy.LOST
        assert (executed.exit_code, executed.signal) == (None, None)
        assert executed.output_bytes == len(b"up\n")
        assert not is_held(workspace_of(folder) / LIFELINE)
        assert await supervision.adopt(folder) == executed

    async def test_whoever_lets_go_stops_nothing_within_the_orphan_grace(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, STAYS, folder)
        pid = attempt.pid

        await attempt.aclose()

        found = await other.adopt(folder)
        assert found is not None
        assert not isinstance(found, Executed)
        assert found.pid == pid
        await found.stop(StopReason.CANCEL)
        await end_of(found)

    async def test_what_nobody_attends_to_ends_after_its_orphan_grace(
        self, supervision: Supervision, folder: Path
    ) -> None:
        timers = Timers(orphan_grace_s=0.2)
        attempt = await started(supervision, WITH_OTHERS, folder, timers=timers)

        await attempt.aclose()

        await until(lambda: not is_held(workspace_of(folder) / LIFELINE))
        found = await supervision.adopt(folder)
        if found is not None and not isinstance(found, Executed):
            found = await end_of(found)  # it was writing down its end
        assert found is not None
        assert found.ended_by is EndedBy.ORPHANED

    async def test_attempts_outlive_the_engine_that_closes(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, STAYS, folder)
        await attempt.aclose()

        await supervision.aclose()

        found = await other.adopt(folder)
        assert found is not None
        assert not isinstance(found, Executed)
        await found.stop(StopReason.CANCEL)
        assert (await end_of(found)).ended_by is EndedBy.CANCEL
