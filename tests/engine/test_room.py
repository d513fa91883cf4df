"""Room on the machine: who waits, for what, who is next, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.engine.gates import Candidate, GateClosed, Survivor
from cc_executor.engine.prepare import Prepared
from cc_executor.engine.room import Place, Room, foreseen_bytes
from cc_executor.model.failures import Failure
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.ids import task_id
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.lists import task_list
from cc_executor.model.outcomes import EndedBy, Executed, Outcome
from cc_executor.model.policy import Policy
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord, Waiting
from cc_executor.ports.resources import ResourceSample
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.scripted_agent import Script
from tests.engine.test_control import READY_AND_HANG, appeared
from tests.engine.test_gates import waiting

MIB = 1 << 20


class Gauge:
    """A machine that has left what a test says."""

    def __init__(self, memory: int | None = None, disk: int | None = None) -> None:
        self.memory = memory
        self.disk = disk

    def latest(self) -> ResourceSample:
        return ResourceSample(
            at=0.0, cores=2, memory_available_bytes=self.memory, disk_free_bytes=self.disk
        )

    def close(self) -> None:
        pass


class Told:
    """What people were told."""

    def __init__(self) -> None:
        self.waits: list[Waiting | None] = []
        self.once = asyncio.Event()

    async def __call__(self, waiting: Waiting | None) -> None:
        self.waits.append(waiting)
        self.once.set()

    @property
    def reasons(self) -> list[str | None]:
        return [one.reason if one else None for one in self.waits]


def candidate(name: str, *, owner: str | None = None, priority: int = 0) -> Candidate:
    asked = task_list(
        {"tasks": [{"prompt": "Do it.", "name": name}], "priority": priority}, workspace="/w"
    )
    execution = ExecutionRecord(
        id=name,
        task_list=asked,
        host=Host.SERVER,
        state=TaskState.QUEUED,
        created_at=0.0,
        generation=1,
        principal=owner,
    )
    task = TaskRecord(
        id=task_id(name, 1),
        execution_id=name,
        number=1,
        spec=asked.tasks[0],
    )
    prepared: Prepared = None  # type: ignore[assignment]  # the room does not look at it
    return Candidate(execution, task, 1, prepared)


def room(policy: Policy, gauge: Gauge, *, needs: int = 0, disk_s: float = 60.0) -> Room:
    return Room(
        policy,
        gauge,
        ManualClock(),
        expected_bytes=lambda _candidate: needs,
        look_s=0.01,
        disk_s=disk_s,
    )


async def entering(of: Room, who: Candidate) -> tuple[asyncio.Task[Place], Told]:
    """Return somebody who waits, once people were told of it."""
    told = Told()
    task = asyncio.create_task(of.enter(who, told))
    async with asyncio.timeout(5):
        await told.once.wait()
    return task, told


async def through(task: asyncio.Task[Place]) -> Place:
    async with asyncio.timeout(5):
        return await task


async def test_where_there_is_room_nobody_is_told_anything() -> None:
    told = Told()

    place = await room(Policy(max_running=1), Gauge()).enter(candidate("a"), told)

    await place.settle(None)
    assert told.waits == []


async def test_who_finds_all_places_taken_waits_and_is_told_why() -> None:
    of = room(Policy(max_running=1), Gauge())
    first = await of.enter(candidate("a"), Told())
    second, told = await entering(of, candidate("b"))
    assert (of.running, of.waiting) == (1, 1)

    await first.settle(None)

    await (await through(second)).settle(None)
    assert told.reasons == ["slot", None]
    assert (of.running, of.waiting) == (0, 0)


async def test_who_needs_more_memory_than_is_free_waits_until_it_is() -> None:
    gauge = Gauge(memory=900 * MIB)
    of = room(Policy(memory_floor_bytes=100 * MIB), gauge, needs=500 * MIB)
    await of.enter(candidate("a"), Told())  # 500 of the 800 are promised to it
    second, told = await entering(of, candidate("b"))
    assert told.reasons == ["memory"]

    gauge.memory = 1200 * MIB

    await through(second)
    assert told.reasons == ["memory", None]


async def test_with_nothing_running_memory_keeps_nobody_out() -> None:
    of = room(Policy(), Gauge(memory=1), needs=500 * MIB)

    await of.enter(candidate("a"), Told())

    assert of.running == 1


async def test_a_full_disk_keeps_everybody_out_until_it_is_tidied_up() -> None:
    gauge = Gauge(disk=MIB)
    of = room(Policy(disk_floor_bytes=10 * MIB), gauge)
    task, told = await entering(of, candidate("a"))

    gauge.disk = 20 * MIB

    await through(task)
    assert told.reasons == ["disk", None]
    assert told.waits[0] is not None
    assert "10 MiB" in told.waits[0].message


async def test_who_has_waited_for_the_disk_too_long_fails_and_leaves_nothing() -> None:
    of = room(Policy(disk_floor_bytes=10 * MIB), Gauge(disk=MIB), disk_s=0.02)
    task, _ = await entering(of, candidate("a"))

    with pytest.raises(GateClosed, match="disk_floor_mb") as closed:
        await through(task)

    assert closed.value.failure is Failure.RESOURCE_EXCEEDED
    assert (of.running, of.waiting) == (0, 0)


async def test_who_gives_up_waiting_keeps_nobody_else_waiting() -> None:
    of = room(Policy(max_running=1), Gauge())
    first = await of.enter(candidate("a"), Told())
    second, _ = await entering(of, candidate("b"))
    third, _ = await entering(of, candidate("c"))

    second.cancel()
    await asyncio.wait({second})
    first.leave()

    await through(third)
    assert of.waiting == 0


async def test_who_is_called_and_cancelled_at_once_gives_the_place_on() -> None:
    of = room(Policy(max_running=1), Gauge())
    first = await of.enter(candidate("a"), Told())
    second, _ = await entering(of, candidate("b"))
    third, _ = await entering(of, candidate("c"))

    first.leave()
    second.cancel()

    await through(third)
    assert of.running == 1


async def test_owners_take_turns_and_priority_counts_inside_one() -> None:
    of = room(Policy(max_running=1), Gauge())
    place = await of.enter(candidate("first", owner="ann"), Told())
    asked: Sequence[tuple[str, str, int]] = (
        ("ann-low", "ann", 0),
        ("ann-high", "ann", 5),
        ("bob", "bob", -5),
    )
    tasks = {}
    for name, owner, priority in asked:
        tasks[name], _ = await entering(of, candidate(name, owner=owner, priority=priority))
    order = []
    while tasks:
        place.leave()
        async with asyncio.timeout(5):
            done, _ = await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        name = next(name for name, task in tasks.items() if task in done)
        order.append(name)
        place = tasks.pop(name).result()

    assert order == ["bob", "ann-high", "ann-low"]


async def test_what_an_earlier_engine_left_running_has_a_place() -> None:
    of = room(Policy(max_running=1), Gauge())
    old = candidate("old")

    place = await of.adopt(Survivor(old.execution, old.task, 1, None))

    waits, _ = await entering(of, candidate("new"))
    place.leave()
    await through(waits)


async def test_the_room_learns_what_an_agent_takes() -> None:
    gauge = Gauge(memory=4000 * MIB)
    of = Room(Policy(), gauge, ManualClock(), expected_bytes=lambda _one: None, look_s=0.01)
    took = Executed(ended_by=EndedBy.EXIT, memory_peak_bytes=3000 * MIB, max_rss_bytes=MIB)
    place = await of.enter(candidate("a"), Told())
    await place.settle(Outcome(state=TaskState.SUCCEEDED, executed=took))
    await of.enter(candidate("b"), Told())

    third, told = await entering(of, candidate("c"))

    assert told.reasons == ["memory"]
    third.cancel()


# --- with an engine ------------------------------------------------------------------------------


async def test_lists_of_one_engine_share_its_places(
    config: CCExecutorConfig, workspace: Path
) -> None:
    one_at_a_time = with_settings(config, max_running="1")
    async with Executor(one_at_a_time) as executor:
        first = await executor.submit([{"command": READY_AND_HANG}])
        await appeared(workspace / "ready")
        second = await executor.submit([{"command": ["true"]}])
        found = await waiting(executor, second.id)
        shown = found.tasks[0].record.waiting
        assert shown is not None
        assert shown.reason == "slot"

        await executor.cancel(first.id)
        async with asyncio.timeout(20):
            assert (await executor.wait(second.id)).ok


async def test_a_task_that_takes_too_much_fails_with_the_limit_and_its_neighbour_does_not(
    executor: Executor, workspace: Path
) -> None:
    hog = Script().memory(200).touch("ready").hang()
    neighbour = Script().delay(0.6).write_file("done", "yes").exit(0)

    result = await executor.run(
        {
            "stop_on_failure": False,
            "defaults": {"limits": {"memory_mb": 100}},
            "tasks": [
                {"command": hog.argv(lifetime_s=60), "needs": []},
                {"command": neighbour.argv(lifetime_s=60), "needs": []},
            ],
        }
    )

    greedy, modest = (task.record for task in result.tasks)
    assert greedy.outcome is not None
    assert (greedy.outcome.failure, greedy.outcome.detail) == (Failure.RESOURCE_EXCEEDED, "memory")
    assert "100.0 MiB are allowed" in str(greedy.outcome.message)
    assert modest.state is TaskState.SUCCEEDED
    assert (workspace / "done").read_text() == "yes"


def with_settings(config: CCExecutorConfig, **settings: str) -> CCExecutorConfig:
    return CCExecutorConfig(
        home=config.home,
        workspace=config.workspace,
        settings={**config.settings, **settings},
    )


def test_a_forecast_of_memory_is_what_the_room_keeps_free() -> None:
    who = candidate("a")
    band = Band(p50=1.0, p90=700.0 * MIB, p99=9e12)
    foreseen = Forecast(duration_s=band, memory_bytes=band, timeout_s=1.0)
    prepared = Prepared(who.task.spec, None, None, None, None, foreseen)  # type: ignore[arg-type]  # the room looks at the forecast only

    assert foreseen_bytes(who._replace(prepared=prepared)) == 700 * MIB
