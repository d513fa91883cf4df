"""What a task list does next: every rule of order, skipping and cancelling, in one place. Pure.

An engine asks after every change and does what the plan says; nothing else decides which task may
start. The shape of a list (who needs whom) is checked here too, before it is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.records import TaskRecord


class Skip(NamedTuple):
    """A task that will never start.

    Attributes:
        task_id: Which task.
        because_of: Name of the task whose end is the reason: the root, not the one in between.
    """

    task_id: str
    because_of: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do now, as task ids in list order.

    Attributes:
        start: Tasks whose turn it is, as many as there are free slots.
        skip: Queued tasks that can never start.
        cancel: Queued tasks to cancel; only while the whole list is being cancelled.
        done: Nothing is left to do once `skip` and `cancel` are recorded.
    """

    start: tuple[str, ...] = ()
    skip: tuple[Skip, ...] = ()
    cancel: tuple[str, ...] = ()
    done: bool = False


class Continued(NamedTuple):
    """How a list that has ended is carried on.

    Attributes:
        carried: Tasks that have succeeded: their outcomes are taken over.
        to_run: Everything else: runs (again) from the beginning.
    """

    carried: tuple[TaskRecord, ...]
    to_run: tuple[TaskRecord, ...]


def next_moves(
    tasks: Sequence[TaskRecord], *, stop_on_failure: bool, cancelling: bool, concurrency: int
) -> Plan:
    """Return what to do now.

    A task whose need ended without success is skipped. With `stop_on_failure`, the first end
    without success skips everything that has not started. What has started is never touched here.

    Args:
        tasks: All tasks of the execution, in list order, every `needs` filled in.
        stop_on_failure: As the list says.
        cancelling: Somebody cancelled the whole execution: nothing starts any more.
        concurrency: Most tasks that may run at once; 0 starts none.
    """
    queued = [task for task in tasks if task.state is TaskState.QUEUED]
    active = sum(not is_final(task.state) for task in tasks) - len(queued)
    if cancelling:
        return Plan(cancel=tuple(task.id for task in queued), done=not active)
    culprits = _culprits(tasks, stop_on_failure=stop_on_failure)
    skip = tuple(Skip(task.id, culprits[task.name]) for task in queued if task.name in culprits)
    succeeded = {task.name for task in tasks if task.state is TaskState.SUCCEEDED}
    ready = [
        task.id
        for task in queued
        if task.name not in culprits and succeeded.issuperset(task.spec.needs or ())
    ]
    return Plan(
        start=tuple(ready[: max(0, concurrency - active)]),
        skip=skip,
        done=not active and len(skip) == len(queued),
    )


def _culprits(tasks: Sequence[TaskRecord], *, stop_on_failure: bool) -> dict[str, str]:
    """Return, by task name, whose end is the reason that it must not start."""
    culprits = {
        task.name: task.name
        for task in tasks
        if is_final(task.state) and task.state not in (TaskState.SUCCEEDED, TaskState.SKIPPED)
    }
    if stop_on_failure and culprits:
        return dict.fromkeys((task.name for task in tasks), next(iter(culprits)))
    # A task that was skipped before is a reason, too: its own, unless a need of it is one.
    skipped = {task.name for task in tasks if task.state is TaskState.SKIPPED}
    if not culprits and not skipped:
        return {}
    needs = {task.name: task.spec.needs or () for task in tasks}
    for name in _needs_first(needs):
        reasons = [culprits[need] for need in needs[name] if need in culprits]
        if name in skipped:
            reasons.append(name)
        if reasons:
            culprits.setdefault(name, reasons[0])
    return culprits


def continued(tasks: Sequence[TaskRecord]) -> Continued:
    """Return which tasks of an ended execution a continuation takes over, and which it runs."""
    return Continued(
        carried=tuple(task for task in tasks if task.state is TaskState.SUCCEEDED),
        to_run=tuple(task for task in tasks if task.state is not TaskState.SUCCEEDED),
    )


# --- the shape of a list -------------------------------------------------------------------------


def cycle(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return names that wait for each other in a circle, the first again at the end; or ()."""
    settled = set(_needs_first(needs))
    stuck = next((name for name in needs if name not in settled), None)
    if stuck is None:
        return ()
    path = [stuck]
    while True:  # each stuck task has a stuck need, so the walk meets itself
        stuck = next(need for need in needs[stuck] if need not in settled)
        if stuck in path:
            return (*path[path.index(stuck) :], stuck)
        path.append(stuck)


class Ancestry:
    """Answers which tasks have succeeded by the time another one starts.

    Sets are bit masks: a sequence of 10,000 tasks takes 6 MB instead of 50 million entries.

    Args:
        needs: By task name, the names it needs; without cycles.
    """

    def __init__(self, needs: Mapping[str, Sequence[str]]) -> None:
        self._bits = {name: 1 << position for position, name in enumerate(needs)}
        self._before: dict[str, int] = {}
        for name in _needs_first(needs):
            before = 0
            for need in needs[name]:
                before |= self._bits[need] | self._before[need]
            self._before[name] = before

    def precedes(self, earlier: str, later: str) -> bool:
        """Tell whether `later` needs `earlier`, directly or through others."""
        return bool(self._before[later] & self._bits[earlier])


def _needs_first(needs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield names so that each comes after its needs; what waits in a circle never comes."""
    waiting = {name: len(set(of)) for name, of in needs.items()}
    dependents: dict[str, list[str]] = {name: [] for name in needs}
    for name, of in needs.items():
        for need in set(of):
            dependents[need].append(name)
    ready = [name for name, count in waiting.items() if not count]
    while ready:
        name = ready.pop()
        yield name
        for dependent in dependents[name]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                ready.append(dependent)
