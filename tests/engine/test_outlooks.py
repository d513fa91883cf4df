"""What lists are expected to take: chains, lanes, waits, and what runs already."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cc_executor.engine.foresight import Foresight
from cc_executor.engine.outlooks import left_of, of_execution, of_list
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.lists import task_list
from cc_executor.model.outlooks import Outlook
from cc_executor.model.policy import Policy
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord, Waiting
from cc_executor.store.memory import MemoryStore
from cc_executor.testing.clock import ManualClock

NOW = 1_000.0
MADE = Forecast(duration_s=Band(p50=10.0, p90=20.0, p99=40.0), timeout_s=60.0)


@pytest.fixture
def foresight() -> Foresight:
    return Foresight(MemoryStore(), ManualClock(), Policy())


def outlook(foresight: Foresight, *tasks: dict[str, Any], concurrency: int = 4) -> Outlook:
    return of_list(foresight, task_list(tasks, workspace="/"), concurrency=concurrency)


def execution(*tasks: dict[str, Any]) -> tuple[ExecutionRecord, list[TaskRecord]]:
    checked = task_list(tasks, workspace="/")
    record = ExecutionRecord(
        id="run", host=Host.SERVER, state=TaskState.RUNNING, task_list=checked, created_at=NOW
    )
    return record, [
        TaskRecord(id=f"run.{number}", execution_id="run", number=number, spec=spec)
        for number, spec in enumerate(checked.tasks, start=1)
    ]


def running(task: TaskRecord, **fields: Any) -> TaskRecord:
    started = {"state": TaskState.RUNNING, "attempted_at": NOW - 4, "forecast": MADE, "attempts": 1}
    return msgspec.structs.replace(task, **{**started, **fields})


def test_a_sequence_takes_as_long_as_all_its_tasks(foresight: Foresight) -> None:
    whole = outlook(foresight, {"prompt": "a"}, {"prompt": "b"}, {"prompt": "c"})
    each = [task.forecast.duration_s.p50 for task in whole.tasks]
    assert max(each) < whole.forecast.duration_s.p50 <= sum(each) + 1e-9


def test_side_by_side_it_is_the_longest_chain_whatever_the_order_of_the_list(
    foresight: Foresight,
) -> None:
    """`last` needs `long`, which stands after it."""
    whole = outlook(
        foresight,
        {"name": "last", "prompt": "b", "needs": ["long"]},
        {"name": "short", "prompt": "a", "needs": []},
        {"name": "long", "prompt": "x" * 100_000, "needs": []},
    )
    alone = outlook(
        foresight,
        {"name": "long", "prompt": "x" * 100_000},
        {"name": "last", "prompt": "b", "needs": ["long"]},
    )
    assert whole.forecast.duration_s == alone.forecast.duration_s
    assert [task.name for task in whole.tasks] == ["last", "short", "long"]


def test_more_tasks_than_lanes_take_turns(foresight: Foresight) -> None:
    tasks = [{"prompt": "a", "needs": []} for _ in range(8)]
    wide = outlook(foresight, *tasks, concurrency=8).forecast.duration_s
    narrow = outlook(foresight, *tasks, concurrency=2).forecast.duration_s
    assert wide.p50 < narrow.p50 <= 4 * wide.p50 + 1e-9


def test_what_has_run_for_a_while_has_less_left_and_what_has_ended_nothing(
    foresight: Foresight,
) -> None:
    record, (first, second, third) = execution({"prompt": "a"}, {"prompt": "b"}, {"prompt": "c"})
    done = msgspec.structs.replace(first, state=TaskState.SUCCEEDED)

    left = of_execution(foresight, record, [done, running(second), third], concurrency=4, now_s=NOW)

    at_work, waiting = left.tasks
    assert (at_work.name, at_work.elapsed_s) == ("task-2", 4.0)
    assert 0 < at_work.forecast.duration_s.p50 <= MADE.duration_s.p50
    assert at_work.forecast.timeout_s == 56.0
    assert (waiting.name, waiting.elapsed_s) == ("task-3", None)
    assert left.forecast.duration_s.p50 > at_work.forecast.duration_s.p50


def test_a_wait_for_an_instant_counts_and_one_for_something_else_is_unknown(
    foresight: Foresight,
) -> None:
    record, (task,) = execution({"prompt": "a"})
    [fresh] = of_execution(foresight, record, [task], concurrency=4, now_s=NOW).tasks
    for until, wait_s in ((NOW + 500, 500.0), (NOW - 5, 0.0), (None, 0.0)):
        why = Waiting(reason="retry", since=NOW, until=until, message="it waits")
        waits = running(task, waiting=why)

        left = of_execution(foresight, record, [waits], concurrency=4, now_s=NOW)

        [one] = left.tasks
        assert one.elapsed_s is None
        assert one.forecast.duration_s.p50 == fresh.forecast.duration_s.p50 + wait_s
        assert left_of(waits, now_s=NOW) is None


def test_nobody_is_told_what_is_left_of_what_does_not_run() -> None:
    _, (task,) = execution({"prompt": "a"})
    assert left_of(task, now_s=NOW) is None
    assert left_of(running(task, forecast=None), now_s=NOW) is None
    assert left_of(running(task, state=TaskState.PAUSED), now_s=NOW) is None
    band = left_of(running(task), now_s=NOW)
    assert band is not None
    assert 0 < band.p50 <= band.p90 <= band.p99 <= MADE.duration_s.p99
