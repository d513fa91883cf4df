"""The tables of the books: which event tells of which step, and what an attempt may do when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from cc_executor.model.lifecycle import AttemptState, Move, TaskState

#: An execution was accepted: always its first event.
SUBMITTED: Final = "execution.submitted"

#: The event of each move of a task.
TASK_EVENTS: Final[Mapping[Move, str]] = {
    Move.START: "task.started",
    Move.PAUSE: "task.paused",
    Move.RESUME: "task.resumed",
    Move.RETRY: "task.retried",
    Move.SUCCEED: "task.succeeded",
    Move.FAIL: "task.failed",
    Move.TIME_OUT: "task.timed_out",
    Move.CANCEL: "task.cancelled",
    Move.LOSE: "task.lost",
    Move.SKIP: "task.skipped",
}

#: A task waits, or waits no longer.
WAITING: Final = "task.waiting"
PROCEEDING: Final = "task.proceeding"

#: The event of each state that an execution reaches. It never returns to `queued`.
_EXECUTION_EVENTS: Final[Mapping[TaskState, str]] = {
    TaskState.RUNNING: "execution.started",
    TaskState.PAUSED: "execution.paused",
    TaskState.SUCCEEDED: "execution.succeeded",
    TaskState.FAILED: "execution.failed",
    TaskState.TIMED_OUT: "execution.timed_out",
    TaskState.CANCELLED: "execution.cancelled",
    TaskState.LOST: "execution.lost",
    TaskState.SKIPPED: "execution.skipped",
}

#: The steps whose event does not follow from the state reached alone.
_EXECUTION_STEPS: Final[Mapping[tuple[TaskState, TaskState], str]] = {
    (TaskState.PAUSED, TaskState.RUNNING): "execution.resumed",
}

#: The event of each state that an attempt reaches.
ATTEMPT_EVENTS: Final[Mapping[AttemptState, str]] = {
    AttemptState.STARTING: "attempt.starting",
    AttemptState.RUNNING: "attempt.started",
    AttemptState.ENDED: "attempt.ended",
}

#: Every kind that the law records by itself; a note may not pretend to be one.
KINDS: Final = frozenset(
    {
        SUBMITTED,
        *TASK_EVENTS.values(),
        WAITING,
        PROCEEDING,
        *_EXECUTION_EVENTS.values(),
        *_EXECUTION_STEPS.values(),
        *ATTEMPT_EVENTS.values(),
    }
)

AttemptMove = Literal["run", "end"]

#: `ended` has no row: whoever still writes to what is over is behind the times (`StaleWrite`).
ATTEMPT_MOVES: Final[Mapping[AttemptState, frozenset[AttemptMove]]] = {
    AttemptState.STARTING: frozenset({"run", "end"}),  # some end without ever having run
    AttemptState.RUNNING: frozenset({"end"}),
}

#: Where a task must be for an attempt at it to start.
MAY_BE_ATTEMPTED: Final = frozenset({TaskState.RUNNING, TaskState.PAUSED})


def event_of_execution(before: TaskState, state: TaskState) -> str:
    """Return the kind of event that tells of an execution's step from `before` to `state`."""
    return _EXECUTION_STEPS.get((before, state)) or _EXECUTION_EVENTS[state]
