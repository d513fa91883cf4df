"""What is promised about starting, and about what was captured."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from cc_executor.errors import SpawnFailed
from cc_executor.model.outcomes import EndedBy
from cc_executor.ports.process import StopReason, Supervision
from cc_executor.testing.contracts.process.fixtures import (
    BOUND_S,
    STAYS,
    WithSupervision,
    end_of,
    launch,
    started,
    workspace_of,
)
from cc_executor.testing.scripted_agent import Script

_MARK = Script().touch("started")


class StartingPromises(WithSupervision):
    async def test_when_it_returns_the_child_runs(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await supervision.start(launch(STAYS, folder), folder)

        assert attempt.pid > 0
        assert attempt.pid != os.getpid()
        os.kill(attempt.pid, 0)
        await attempt.stop(StopReason.CANCEL)
        await end_of(attempt)

    async def test_or_it_has_already_ended(self, supervision: Supervision, folder: Path) -> None:
        attempt = await supervision.start(launch(Script().exit(3), folder), folder)

        executed = await end_of(attempt)

        assert (executed.ended_by, executed.exit_code) == (EndedBy.EXIT, 3)
        assert (executed.signal, executed.rung, executed.timer) == (None, None, None)
        assert executed.started_at is not None
        assert executed.ended_at is not None
        assert executed.duration_s is not None
        assert executed.ended_at >= executed.started_at

    async def test_what_cannot_be_executed_has_ended_with_the_reason(
        self, supervision: Supervision, folder: Path, tmp_path: Path
    ) -> None:
        attempt = await supervision.start(launch((str(tmp_path / "missing"),), folder), folder)

        executed = await end_of(attempt)

        assert executed.ended_by is EndedBy.START
        assert executed.error
        assert (executed.exit_code, executed.signal) == (None, None)

    async def test_a_folder_that_cannot_be_written_starts_nothing(
        self, supervision: Supervision, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        ordered = launch(_MARK, tmp_path / "attempt")

        with pytest.raises(SpawnFailed):
            await supervision.start(ordered, tmp_path / "file" / "attempt")

        assert list(Path(ordered.cwd).iterdir()) == []

    async def test_an_attempt_is_started_once(
        self, supervision: Supervision, other: Supervision, folder: Path
    ) -> None:
        first = await supervision.start(launch(STAYS, folder), folder)

        for engine in (supervision, other):
            with pytest.raises(SpawnFailed):
                await engine.start(launch(_MARK, folder), folder)

        await first.stop(StopReason.CANCEL)
        await end_of(first)
        with pytest.raises(SpawnFailed):
            await supervision.start(launch(_MARK, folder), folder)
        assert not (workspace_of(folder) / "started").exists()

    async def test_many_start_at_once(self, supervision: Supervision, tmp_path: Path) -> None:
        folders = [tmp_path / f"attempt-{number}" for number in range(8)]

        attempts = await asyncio.gather(
            *(
                supervision.start(launch(Script().exit(number), folder), folder)
                for number, folder in enumerate(folders)
            )
        )

        ended = [await end_of(attempt) for attempt in attempts]
        assert [executed.exit_code for executed in ended] == list(range(8))

    async def test_the_child_has_the_environment_and_directory_of_its_launch_and_no_more(
        self, supervision: Supervision, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SECRET_OF_THE_ENGINE", "x")
        code = "import os; print(sorted(os.environ), file=open('seen', 'w'))"
        ordered = launch((sys.executable, "-I", "-S", "-c", code), folder)

        assert (await end_of(await supervision.start(ordered, folder))).exit_code == 0

        seen = (workspace_of(folder) / "seen").read_text()
        assert "SECRET_OF_THE_ENGINE" not in seen
        assert "PATH" not in seen

    async def test_the_child_reads_what_it_is_given_and_then_the_end(
        self, supervision: Supervision, folder: Path
    ) -> None:
        given = os.urandom(200_000)
        attempt = await supervision.start(launch(Script().cat(), folder, stdin=given), folder)
        assert (await end_of(attempt)).output_bytes == len(given)

        silent = folder.with_name("silent")
        attempt = await supervision.start(launch(Script().cat(), silent), silent)
        executed = await end_of(attempt)
        assert (executed.exit_code, executed.output_bytes) == (0, 0)

    async def test_both_streams_are_counted(self, supervision: Supervision, folder: Path) -> None:
        script = Script().line("out").line("error", stream="stderr")

        executed = await end_of(await supervision.start(launch(script, folder), folder))

        assert (executed.stdout_bytes, executed.stderr_bytes, executed.output_bytes) == (4, 6, 10)

    async def test_head_and_changed_follow_the_output(
        self, supervision: Supervision, folder: Path
    ) -> None:
        script = Script().line("one").wait_for_file("gate").line("two")
        attempt = await supervision.start(launch(script, folder), folder)

        async with asyncio.timeout(BOUND_S):
            await attempt.changed(beyond=0)
            assert attempt.head == 4
            waiting = asyncio.ensure_future(attempt.changed(beyond=4))
            await asyncio.sleep(0)
            assert not waiting.done()
            (workspace_of(folder) / "gate").touch()
            await waiting
        await end_of(attempt)
        assert attempt.head == 8

    async def test_whoever_waits_for_more_hears_of_the_end(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, STAYS, folder)
        waiting = asyncio.ensure_future(attempt.changed(beyond=1_000_000))

        await attempt.stop(StopReason.CANCEL)

        async with asyncio.timeout(BOUND_S):
            await waiting
            await attempt.wait()
            await attempt.changed(beyond=1_000_000)

    async def test_a_wait_for_more_can_be_given_up(
        self, supervision: Supervision, folder: Path
    ) -> None:
        attempt = await started(supervision, STAYS, folder)
        waiting = asyncio.ensure_future(attempt.changed(beyond=1_000_000))
        await asyncio.sleep(0)

        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        await attempt.stop(StopReason.CANCEL)
        assert (await end_of(attempt)).ended_by is EndedBy.CANCEL
