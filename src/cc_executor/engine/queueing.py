"""How long a task may wait for its first attempt. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cc_executor.engine.settle import refused
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import ExecutionRecord, TaskRecord
from cc_executor.model.specs import TaskSpec
from cc_executor.model.timers import Timing


def waited(execution: ExecutionRecord, spec: TaskSpec, until: float) -> Timing:
    """Return the queue timer of a task whose wait was over, or is given up, at that instant.

    It runs from the submit on, whatever the task waits for: those before it, a gate, a pause, or an
    engine.
    """
    waited_s = max(0.0, until - execution.created_at)
    return Timing(name="queue", bound_s=spec.queue_timeout_s, ran_s=waited_s)


def overdue(execution: ExecutionRecord, spec: TaskSpec, now: float) -> Outcome | None:
    """Return the outcome of a task that has waited for too long, None while it has not."""
    due_at = _due_at(execution, spec)
    if due_at is None or now < due_at:
        return None
    message = f"It was not started within {spec.queue_timeout_s:g} s of its submit."
    return msgspec.structs.replace(
        refused(Failure.TIMED_OUT, message),
        detail="queue",
        queue=msgspec.structs.replace(waited(execution, spec, now), expired=True),
    )


def next_due_at(execution: ExecutionRecord, tasks: Iterable[TaskRecord]) -> float | None:
    """Return when the first of those that are queued will have waited for too long."""
    dues = (_due_at(execution, task.spec) for task in tasks if task.state is TaskState.QUEUED)
    return min((due_at for due_at in dues if due_at is not None), default=None)


def _due_at(execution: ExecutionRecord, spec: TaskSpec) -> float | None:
    return None if spec.queue_timeout_s is None else execution.created_at + spec.queue_timeout_s
