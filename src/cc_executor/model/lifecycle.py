"""The law of states: which moves exist, and what they lead to.

Nothing else compares states to decide what may happen. The diagram in the docs is generated from
these tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from cc_executor.errors import InvalidTransition


class TaskState(StrEnum):
    """Where a task is. The last six are final and absorbing."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"


class Move(StrEnum):
    """What can happen to a task. Named as commands are."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    SUCCEED = "succeed"
    FAIL = "fail"
    TIME_OUT = "time_out"
    CANCEL = "cancel"
    LOSE = "lose"
    SKIP = "skip"


_ENDS: Final[Mapping[Move, TaskState]] = {
    Move.SUCCEED: TaskState.SUCCEEDED,
    Move.FAIL: TaskState.FAILED,
    Move.TIME_OUT: TaskState.TIMED_OUT,
    Move.CANCEL: TaskState.CANCELLED,
    Move.LOSE: TaskState.LOST,
}

MOVES: Final[Mapping[TaskState, Mapping[Move, TaskState]]] = {
    TaskState.QUEUED: {
        Move.START: TaskState.RUNNING,
        Move.CANCEL: TaskState.CANCELLED,
        Move.SKIP: TaskState.SKIPPED,
        # Refused before it could start: its agent vanished, its reference has no value.
        Move.FAIL: TaskState.FAILED,
        Move.TIME_OUT: TaskState.TIMED_OUT,  # it has waited for longer than it was to
    },
    TaskState.RUNNING: {
        Move.PAUSE: TaskState.PAUSED,
        Move.RETRY: TaskState.RUNNING,
        **_ENDS,
    },
    # A paused process can still die, be killed, or have ended a moment before the freeze.
    TaskState.PAUSED: {
        Move.RESUME: TaskState.RUNNING,
        Move.RETRY: TaskState.RUNNING,
        **_ENDS,
    },
    # The final states allow no move: they have no row.
}

#: The move that brings a running task to each final state.
MOVE_TO: Final[Mapping[TaskState, Move]] = {state: move for move, state in _ENDS.items()}


def after(state: TaskState, move: Move) -> TaskState:
    """Return the state a task reaches by making `move`.

    Raises:
        InvalidTransition: `state` does not allow `move`.
    """
    try:
        return MOVES[state][move]
    except KeyError:
        raise InvalidTransition(state, move) from None


def is_final(state: TaskState) -> bool:
    """Tell whether nothing can happen any more to what is in `state`."""
    return state not in MOVES


class AttemptState(StrEnum):
    """Where one run of a child process is."""

    STARTING = "starting"  # intent is committed; whether a process exists is unknown
    RUNNING = "running"
    ENDED = "ended"


def state_of_list(states: Iterable[TaskState]) -> TaskState:
    """Return an execution's state: a function of its tasks' states, in order.

    While a task is unfinished it is queued, running or paused. Afterwards it is what the first
    task that did not succeed is; skipped tasks only follow from another one's end.
    """
    states = list(states)
    unfinished = [state for state in states if not is_final(state)]
    if unfinished:
        return _state_of_unfinished(states, unfinished)
    for state in states:
        if state not in (TaskState.SUCCEEDED, TaskState.SKIPPED):
            return state
    if any(state is TaskState.SKIPPED for state in states):
        return TaskState.SKIPPED
    return TaskState.SUCCEEDED


def _state_of_unfinished(states: list[TaskState], unfinished: list[TaskState]) -> TaskState:
    if TaskState.PAUSED in unfinished and TaskState.RUNNING not in unfinished:
        return TaskState.PAUSED
    if len(unfinished) == len(states) and set(states) == {TaskState.QUEUED}:
        return TaskState.QUEUED
    return TaskState.RUNNING
