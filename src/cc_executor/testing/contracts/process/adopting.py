"""What is promised about finding again what an earlier engine has started."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cc_executor.errors import SpawnFailed
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.ports.process import StopReason, Supervised, Supervision
from cc_executor.testing.contracts.process.fixtures import (
    BOUND_S,
    LIFELINE,
    STAYS,
    WITH_OTHERS,
    KillSupervisor,
    WithSupervision,
    end_of,
    launch,
    started,
    workspace_of,
)
from cc_executor.testing.lifeline import is_held
from cc_executor.testing.scripted_agent import Script


async def _adopted(supervision: Supervision, folder: Path) -> Supervised:
    found = await supervision.adopt(folder)
    assert found is not None
    assert not isinstance(found, Executed)
    return found


class AdoptingPromises(WithSupervision):
    async def test_what_was_never_started_never_will_be(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        folder.mkdir(mode=0o700)

        assert await supervision.adopt(folder) is None
        assert await other.adopt(folder) is None

        for engine in (supervision, other):
            with pytest.raises(SpawnFailed):
                await engine.start(launch(Script().touch("started"), folder), folder)
        assert not (workspace_of(folder) / "started").exists()
        assert await supervision.adopt(folder) is None

    async def test_an_attempt_without_a_folder_was_never_started(
        self, supervision: Supervision, folder: Path
    ) -> None:
        assert await supervision.adopt(folder) is None

    async def test_a_running_attempt_is_taken_up_where_it_is(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        script = Script().line("before").wait_for_file("gate").line("after").exit(5)
        attempt = await started(supervision, script, folder)
        pid = attempt.pid
        await attempt.aclose()

        found = await _adopted(other, folder)

        assert (found.pid, found.head) == (pid, len(b"before\n"))
        async with asyncio.timeout(BOUND_S):
            waiting = asyncio.ensure_future(found.changed(beyond=found.head))
            (workspace_of(folder) / "gate").touch()
            await waiting
        executed = await end_of(found)
        assert (executed.ended_by, executed.exit_code) == (EndedBy.EXIT, 5)
        assert executed.output_bytes == len(b"before\nafter\n")

    async def test_an_adopted_attempt_obeys(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, WITH_OTHERS, folder)
        await attempt.aclose()
        found = await _adopted(other, folder)

        await found.pause()
        await found.resume()
        await found.stop(StopReason.CANCEL)

        assert (await end_of(found)).ended_by is EndedBy.CANCEL
        assert not is_held(workspace_of(folder) / LIFELINE)

    async def test_two_engines_may_attend_and_both_are_told_the_end(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        first = await started(supervision, STAYS, folder)
        second = await _adopted(other, folder)

        await second.stop(StopReason.CANCEL)

        assert await end_of(first) == await end_of(second)

    async def test_what_has_ended_meanwhile_is_told_as_often_as_it_is_asked(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        attempt = await supervision.start(launch(Script().line("x").exit(6), folder), folder)
        executed = await end_of(attempt)

        assert await other.adopt(folder) == executed
        assert await other.adopt(folder) == executed
        assert await supervision.adopt(folder) == executed

    async def test_what_a_dead_supervisor_left_is_gone_when_its_loss_is_told(
        self,
        supervision: Supervision,
        other: Supervision,
        folder: Path,
        kill_supervisor: KillSupervisor,
    ) -> None:
        attempt = await started(supervision, WITH_OTHERS, folder)
        await attempt.aclose()
        await asyncio.to_thread(kill_supervisor, folder)

        found = await other.adopt(folder)

        assert isinstance(found, Executed)
        assert found.ended_by is EndedBy.LOST
        assert found.output_bytes == len(b"up\n")
        assert not is_held(workspace_of(folder) / LIFELINE)
        assert await supervision.adopt(folder) == found
