"""Promise 1 and 2: killed anywhere, everything is settled, nothing is lost, nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from cc_executor.errors import AgentSessionBusy, SpawnFailed
from cc_executor.journal import layout
from cc_executor.journal.crash_points import CRASH_POINTS, VARIABLE
from cc_executor.model.launch import Launch
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.ports.process import StopReason
from cc_executor.process import settle, tree
from cc_executor.process.attending import Attended
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.testing.hostile import HOSTILE, LIFELINE, READY
from cc_executor.testing.lifeline import is_held
from cc_executor.testing.processes import claim_of, survivors
from cc_executor.testing.scripted_agent import Script
from tests.process.support import CLASSES, captured, engine, launch, says, until

NEVER = None  # no child was started, and none ever will be
LOST = EndedBy.LOST
DONE = EndedBy.EXIT

#: What an engine finds when the process was killed at this point.
FOUND: dict[str, EndedBy | None] = {
    "supervisor.launch_received": NEVER,
    "supervisor.lock_held": NEVER,
    "supervisor.claimed": LOST,
    "supervisor.child_started": LOST,
    "supervisor.output_captured": LOST,
    "supervisor.stopping": LOST,
    "supervisor.child_reaped": LOST,
    "supervisor.tree_gone": LOST,
    "supervisor.outcome_written": LOST,
    "supervisor.outcome_in_place": DONE,
    "supervisor.engine_told": DONE,
    "writer.data_written": LOST,
    "writer.index_written": LOST,
    "spawner.started": NEVER,
    "spawner.forked": NEVER,
}
IN_ENGINES = {
    "client.folder_written",
    "client.launch_sent",
    "client.permitted",
    "settle.lock_taken",
    "settle.swept",
}
SAID_ALL = {
    "supervisor.output_captured",
    "supervisor.stopping",
    "supervisor.child_reaped",
    "supervisor.tree_gone",
    "supervisor.outcome_written",
    "supervisor.outcome_in_place",
    "supervisor.engine_told",
    "writer.data_written",
    "writer.index_written",
}


def leaving(folder: Path, *, hanging: bool) -> Script:
    """A program that notes its start, speaks, and leaves a daemon behind."""
    script = (
        Script()
        .lifeline(LIFELINE)
        .touch(folder.parent / "starts")
        .child(Script().hang(), daemon=True, clear_env=True)
        .line("up")
    )
    return script.hang() if hanging else script.exit(0)


def test_every_crash_point_has_its_expectation() -> None:
    assert set(FOUND) | IN_ENGINES == set(CRASH_POINTS)


@pytest.mark.parametrize("containment", CLASSES)
@pytest.mark.parametrize("point", FOUND)
async def test_a_process_of_ours_that_is_killed_leaves_nothing_and_is_settled_the_same_by_all(
    point: str,
    containment: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    supervision: ProcessSupervision,
) -> None:
    monkeypatch.setenv(VARIABLE, point)
    fragile = ProcessSupervision()
    monkeypatch.delenv(VARIABLE)
    ordered = launch(
        leaving(folder, hanging=point == "supervisor.stopping"), folder, containment=containment
    )
    try:
        monkeypatch.setenv(VARIABLE, point)
        executed = await end_of(fragile, ordered, folder)
    finally:
        await fragile.aclose()

    assert (executed.ended_by if executed else None) == FOUND[point]
    assert await supervision.adopt(folder) == executed
    assert survivors(folder) == ()
    lifeline = Path(ordered.cwd) / LIFELINE
    assert not (lifeline.exists() and is_held(lifeline))
    assert not any(Path(path).exists() for _, path in claim_of(folder).groups)
    if point in SAID_ALL:
        assert captured(folder) == b"up\n"
        assert executed is not None
        assert executed.output_bytes == 3


async def end_of(supervision: ProcessSupervision, ordered: Launch, folder: Path) -> Executed | None:
    try:
        attempt = await supervision.start(ordered, folder)
    except SpawnFailed:
        return None
    await attempt.changed(beyond=0)
    if ordered.argv[-1].find('"hang"}]') > 0 and '"exit"' not in ordered.argv[-1]:
        await attempt.stop(StopReason.CANCEL)
    return await attempt.wait()


@pytest.mark.parametrize("point", ["client.folder_written", "client.launch_sent"])
async def test_an_engine_killed_before_it_gave_the_word_to_start_has_started_nothing(
    supervision: ProcessSupervision, folder: Path, point: str
) -> None:
    ordered = launch(leaving(folder, hanging=True), folder)
    with engine("start", folder, ordered, crash_at=point) as killed:
        assert killed.wait(20) == -signal.SIGKILL

    assert (folder / layout.LAUNCH).exists() == (point == "client.folder_written")
    assert await supervision.adopt(folder) is None
    assert not (folder.parent / "starts").exists()


async def test_an_engine_killed_when_it_gave_the_word_has_started_it_once_or_never(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(leaving(folder, hanging=True), folder)
    with engine("start", folder, ordered, crash_at="client.permitted") as killed:
        assert killed.wait(20) == -signal.SIGKILL

    found = await supervision.adopt(folder)

    if found is None:
        assert claim_of(folder).is_barred
        assert not (folder.parent / "starts").exists()
    else:
        assert isinstance(found, Attended)
        await found.changed(beyond=0)
        await found.stop(StopReason.CANCEL)
        assert (await found.wait()).ended_by is EndedBy.CANCEL


async def test_an_attempt_outlives_its_engine_and_is_adopted_without_a_gap(
    supervision: ProcessSupervision, folder: Path
) -> None:
    gate = folder.parent / "gate"
    ordered = launch(Script().line("before").wait_for_file(gate).line("after"), folder)
    with engine("start", folder, ordered) as killed:
        says(killed, "attending")
        killed.kill()
        killed.wait(20)

    attempt = await supervision.adopt(folder)
    assert isinstance(attempt, Attended)
    gate.touch()
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.EXIT
    assert captured(folder) == b"before\nafter\n"
    assert attempt.pid > 0
    await attempt.aclose()


async def test_an_attempt_that_ended_while_nobody_looked_is_settled(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(Script().wait_for_file(folder.parent / "gate").exit(5), folder)
    with engine("start", folder, ordered) as killed:
        says(killed, "attending")
        killed.kill()
        killed.wait(20)
    (folder.parent / "gate").touch()
    await until((folder / layout.OUTCOME).exists)

    executed = await supervision.adopt(folder)

    assert isinstance(executed, Executed)
    assert (executed.ended_by, executed.exit_code) == (EndedBy.EXIT, 5)


@pytest.mark.parametrize("containment", CLASSES)
@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "stdout_holder"])
async def test_when_engine_spawner_and_supervisor_are_killed_together_the_next_engine_kills_the_rest(
    supervision: ProcessSupervision, folder: Path, name: str, containment: str
) -> None:
    ordered = launch(HOSTILE[name], folder, containment=containment)
    with engine("start", folder, ordered) as killed:
        says(killed, "attending")
        await until((Path(ordered.cwd) / READY).exists)
        supervisor = tree.look(claim_of(folder).supervisor)
        assert supervisor is not None
        family = (killed.pid, supervisor.parent, supervisor.pid)
        for pid in family:
            os.kill(pid, signal.SIGSTOP)  # so that none can notice the death of another
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        killed.wait(20)

    executed = await supervision.adopt(folder)

    assert isinstance(executed, Executed)
    assert executed.ended_by is EndedBy.LOST
    assert not is_held(Path(ordered.cwd) / LIFELINE)
    assert survivors(folder) == ()


async def test_a_killed_supervisor_is_noticed_by_its_engine(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(HOSTILE["daemon_without_environment"], folder)
    attempt = await supervision.start(ordered, folder)
    await until((Path(ordered.cwd) / READY).exists)

    os.kill(claim_of(folder).supervisor, signal.SIGKILL)
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.LOST
    assert executed.exit_code is None
    # Its spawner sweeps at the same time: which of the two ends how many (`swept`) is chance, that
    # nobody is left is not.
    assert not is_held(Path(ordered.cwd) / LIFELINE)


async def test_a_killed_supervisor_is_avenged_by_its_spawner_when_no_engine_is_left(
    folder: Path,
) -> None:
    ordered = launch(HOSTILE["daemon_without_environment"], folder)
    with engine("start", folder, ordered) as killed:
        says(killed, "attending")
        await until((Path(ordered.cwd) / READY).exists)
        killed.kill()
        killed.wait(20)
    assert is_held(Path(ordered.cwd) / LIFELINE)

    os.kill(claim_of(folder).supervisor, signal.SIGKILL)

    await until(lambda: not is_held(Path(ordered.cwd) / LIFELINE))


async def test_a_killed_spawner_disturbs_no_attempt_and_is_replaced(
    supervision: ProcessSupervision, folder: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ordered = launch(Script().line("up").wait_for_file(gate).exit(4), folder)
    attempt = await supervision.start(ordered, folder)
    await attempt.changed(beyond=0)
    spawner = tree.look(claim_of(folder).supervisor)
    assert spawner is not None

    os.kill(spawner.parent, signal.SIGKILL)
    second = await supervision.start(
        launch(("/bin/true",), tmp_path / "second", attempt_id="exec.2.1"), tmp_path / "second"
    )

    assert (await second.wait()).exit_code == 0
    gate.touch()
    assert (await attempt.wait()).exit_code == 4


@pytest.mark.parametrize("point", ["settle.lock_taken", "settle.swept"])
async def test_an_engine_killed_while_it_settles_leaves_the_rest_to_the_next(
    supervision: ProcessSupervision, folder: Path, point: str
) -> None:
    ordered = launch(HOSTILE["child_in_own_session"], folder)
    with engine("start", folder, ordered) as killed:
        says(killed, "attending")
        await until((Path(ordered.cwd) / READY).exists)
        supervisor = tree.look(claim_of(folder).supervisor)
        assert supervisor is not None
        for pid in (supervisor.parent, killed.pid, supervisor.pid):
            os.kill(pid, signal.SIGKILL)
        killed.wait(20)
    with engine("adopt", folder, crash_at=point) as settling:
        assert settling.wait(20) == -signal.SIGKILL

    executed = await supervision.adopt(folder)

    assert isinstance(executed, Executed)
    assert executed.ended_by is EndedBy.LOST
    assert not is_held(Path(ordered.cwd) / LIFELINE)


async def test_a_supervisor_and_an_engine_that_bars_it_never_both_win(
    supervision: ProcessSupervision, tmp_path: Path
) -> None:
    won = set()
    for number in range(60):
        folder = tmp_path / f"attempt-{number}"
        ordered = launch(("/usr/bin/touch", str(folder) + ".started"), folder)
        permitted = asyncio.get_running_loop().create_future()
        starting = asyncio.ensure_future(supervision.start_when(permitted, ordered, folder))
        await until((folder / layout.LAUNCH).exists)
        permitted.set_result(True)
        await asyncio.sleep(number % 24 * 0.0001)
        found = await asyncio.to_thread(settle.settle, folder)
        with contextlib.suppress(SpawnFailed):
            attempt = await starting
            assert attempt is not None
            await attempt.wait()

        started = Path(str(folder) + ".started").exists()
        assert started == (found is not None)
        assert started == (starting.exception() is None)
        won.add(started)
    assert won == {True, False}


async def test_nothing_starts_that_is_not_permitted(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/usr/bin/touch", str(folder) + ".started"), folder)
    permitted = asyncio.get_running_loop().create_future()
    starting = asyncio.ensure_future(supervision.start_when(permitted, ordered, folder))
    await until((folder / layout.LAUNCH).exists)
    permitted.set_result(False)

    assert await starting is None
    assert await supervision.adopt(folder) is None
    assert not Path(str(folder) + ".started").exists()


async def test_a_permission_that_is_refused_starts_nothing_and_says_why(
    supervision: ProcessSupervision, folder: Path
) -> None:
    ordered = launch(("/usr/bin/touch", str(folder) + ".started"), folder)
    permitted = asyncio.get_running_loop().create_future()
    starting = asyncio.ensure_future(supervision.start_when(permitted, ordered, folder))
    await until((folder / layout.LAUNCH).exists)
    permitted.set_exception(AgentSessionBusy("session", "exec.9.1"))

    with pytest.raises(AgentSessionBusy):
        await starting
    assert await supervision.adopt(folder) is None
    assert not Path(str(folder) + ".started").exists()


async def test_a_lock_that_a_power_failure_emptied_counts_as_lost(
    supervision: ProcessSupervision, folder: Path
) -> None:
    folder.mkdir(mode=0o700)
    (folder / layout.LOCK).touch(mode=0o600)

    executed = await supervision.adopt(folder)

    assert isinstance(executed, Executed)
    assert executed.ended_by is EndedBy.LOST


async def test_an_outcome_that_a_power_failure_ate_counts_as_lost(
    supervision: ProcessSupervision, folder: Path
) -> None:
    await (await supervision.start(launch(("/bin/true",), folder), folder)).wait()
    (folder / layout.OUTCOME).write_bytes(bytes(300))

    executed = await supervision.adopt(folder)

    assert isinstance(executed, Executed)
    assert executed.ended_by is EndedBy.LOST
    assert await supervision.adopt(folder) == executed


async def test_a_supervisor_that_obeys_nobody_is_killed_with_its_tree(
    supervision: ProcessSupervision, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cc_executor.process.attending.ANSWER_S", 0.2)
    ordered = launch(HOSTILE["daemon"], folder)
    attempt = await supervision.start(ordered, folder)
    await until((Path(ordered.cwd) / READY).exists)
    os.kill(claim_of(folder).supervisor, signal.SIGSTOP)

    await attempt.stop(StopReason.CANCEL)
    executed = await attempt.wait()

    assert executed.ended_by is EndedBy.LOST
    assert not is_held(Path(ordered.cwd) / LIFELINE)
