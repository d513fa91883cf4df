"""What lists are expected to take: before they start, and while they run."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter

import msgspec

from cc_executor.engine.foresight import Foresight
from cc_executor.forecast.forecasting import forecast_list, remaining
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.outlooks import NOTHING_LEFT, Outlook, TaskOutlook
from cc_executor.model.records import ExecutionRecord, TaskRecord
from cc_executor.model.specs import TaskList, TaskSpec


def of_list(foresight: Foresight, task_list: TaskList, *, concurrency: int) -> Outlook:
    """Return what a list may take that nobody has submitted. Takes milliseconds: use a thread.

    Args:
        foresight: The histories of its agents, at hand.
        task_list: Names and needs filled in.
        concurrency: How many of its tasks may run at once.

    Raises:
        UnknownAgent: Nobody knows one of its agents.
    """
    tasks = tuple(
        TaskOutlook(name=spec.name, forecast=_fresh(foresight, spec)) for spec in task_list.tasks
    )
    return Outlook(forecast=_whole(tasks, task_list.tasks, concurrency), tasks=tasks)


def of_execution(
    foresight: Foresight,
    execution: ExecutionRecord,
    records: Sequence[TaskRecord],
    *,
    concurrency: int,
    now_s: float,
) -> Outlook:
    """Return what an execution has left. Takes milliseconds: use a thread.

    Args:
        foresight: The histories of its agents, at hand.
        execution: The execution.
        records: Its tasks as they stand.
        concurrency: How many of its tasks may run at once.
        now_s: Seconds since the epoch, UTC.
    """
    left = [record for record in records if not is_final(record.state)]
    tasks = tuple(_of_task(foresight, record, now_s) for record in left)
    whole = _whole(tasks, [record.spec for record in left], concurrency)
    return Outlook(execution_id=execution.id, state=execution.state, forecast=whole, tasks=tasks)


def left_of(record: TaskRecord, *, now_s: float) -> Band | None:
    """Return how much longer a running task may take; None where it does not run, or nobody knows."""
    if record.state is not TaskState.RUNNING or record.forecast is None or record.waiting:
        return None  # a task that waits has no attempt that runs
    return remaining(record.forecast, _elapsed_s(record, now_s))


def _of_task(foresight: Foresight, record: TaskRecord, now_s: float) -> TaskOutlook:
    if record.state is TaskState.QUEUED or record.attempted_at is None or record.waiting:
        return TaskOutlook(
            name=record.name,
            task_id=record.id,
            state=record.state,
            forecast=_later(_fresh(foresight, record.spec), record, now_s),
        )
    elapsed_s = _elapsed_s(record, now_s)
    made = record.forecast or _fresh(foresight, record.spec)
    return TaskOutlook(
        name=record.name,
        task_id=record.id,
        state=record.state,
        elapsed_s=elapsed_s,
        forecast=msgspec.structs.replace(
            made,
            duration_s=remaining(made, elapsed_s),
            timeout_s=max(0.0, made.timeout_s - elapsed_s),
        ),
    )


def _later(made: Forecast, record: TaskRecord, now_s: float) -> Forecast:
    """Return the forecast of a task that may not start before some instant, where one is known."""
    until = record.waiting.until if record.waiting is not None else None
    wait_s = 0.0 if until is None else max(0.0, until - now_s)
    band = made.duration_s
    later = Band(p50=band.p50 + wait_s, p90=band.p90 + wait_s, p99=band.p99 + wait_s)
    return msgspec.structs.replace(made, duration_s=later)


def _elapsed_s(record: TaskRecord, now_s: float) -> float:
    return max(0.0, now_s - (record.attempted_at or now_s))


def _fresh(foresight: Foresight, spec: TaskSpec) -> Forecast:
    return foresight.forecast(foresight.subject(spec))


# --- many tasks ----------------------------------------------------------------------------------


def _whole(tasks: Sequence[TaskOutlook], specs: Sequence[TaskSpec], concurrency: int) -> Forecast:
    """Return the forecast of all tasks together.

    What is spent is spent by all of them. The time is that of the longest chain of tasks that need
    each other, or that of all tasks spread evenly over what may run at once, whichever is longer.
    """
    if not tasks:
        return NOTHING_LEFT
    every = forecast_list([task.forecast for task in tasks])
    chain = _longest_chain(tasks, specs)
    if len(chain) == len(tasks):
        return every
    longest = forecast_list([task.forecast for task in chain])
    lanes = max(1, min(concurrency, len(tasks)))
    return msgspec.structs.replace(
        every,
        duration_s=Band(
            p50=max(longest.duration_s.p50, every.duration_s.p50 / lanes),
            p90=max(longest.duration_s.p90, every.duration_s.p90 / lanes),
            p99=max(longest.duration_s.p99, every.duration_s.p99 / lanes),
        ),
        timeout_s=max(longest.timeout_s, every.timeout_s / lanes),
    )


def _longest_chain(tasks: Sequence[TaskOutlook], specs: Sequence[TaskSpec]) -> list[TaskOutlook]:
    """Return the tasks, each of which needs the one before it, that take longest together."""
    by_name = {task.name: task for task in tasks}
    needs = {spec.name: [need for need in spec.needs or () if need in by_name] for spec in specs}
    ends: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for name in TopologicalSorter(needs).static_order():
        latest = max(needs[name], key=ends.__getitem__, default=None)
        before[name] = latest
        begins = 0.0 if latest is None else ends[latest]
        ends[name] = begins + by_name[name].forecast.duration_s.p50
    chain = []
    last: str | None = max(ends, key=ends.__getitem__)
    while last is not None:
        chain.append(by_name[last])
        last = before[last]
    return chain[::-1]
