"""What the exit code of `cc-executor` means: one table, and the two ways to it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from cc_executor.errors import (
    CCExecutorError,
    CommandNotAllowed,
    Conflict,
    InvalidRequest,
    LimitReached,
    NotFound,
    Unavailable,
)
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState

if TYPE_CHECKING:
    from cc_executor.model.results import ExecutionResult, TaskResult


class Exit(IntEnum):
    """The exit codes. They are stable: scripts branch on them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    TIMED_OUT = 4
    CANCELLED = 5
    LIMIT = 6
    INTERNAL = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS: Final[Mapping[Exit, str]] = {
    Exit.DONE: "Done, and verified as far as anything was checked.",
    Exit.FAILED: "A task failed, was skipped or was lost; or `doctor` found that no agent can run.",
    Exit.USAGE: "The command line, the task file or the task is wrong; nothing was started.",
    Exit.REFUSED: (
        "Refused: there is no such thing, its state does not allow it, or this machine cannot."
    ),
    Exit.TIMED_OUT: "A task timed out.",
    Exit.CANCELLED: "A task was cancelled, by Ctrl-C or from elsewhere.",
    Exit.LIMIT: "A limit was reached: of the account, of the task, or of a setting.",
    Exit.INTERNAL: "A bug in cc-executor; what was acknowledged is safe.",
    Exit.INTERRUPTED: "You stopped waiting or watching (Ctrl-C); what runs elsewhere goes on.",
    Exit.PIPE_CLOSED: "Whoever read stdout went away (`| head`); a `run` has been cancelled.",
}

OF_STATE: Final[Mapping[TaskState, Exit]] = {
    TaskState.SUCCEEDED: Exit.DONE,
    TaskState.FAILED: Exit.FAILED,
    TaskState.TIMED_OUT: Exit.TIMED_OUT,
    TaskState.CANCELLED: Exit.CANCELLED,
    TaskState.LOST: Exit.FAILED,
    TaskState.SKIPPED: Exit.FAILED,
}

#: Failures that say: the task may be fine, a limit stopped it. They win over the state.
OF_FAILURE: Final[Mapping[Failure, Exit]] = {
    Failure.BILLING: Exit.LIMIT,
    Failure.USAGE_LIMIT: Exit.LIMIT,
    Failure.RATE_LIMITED: Exit.LIMIT,
    Failure.MAX_TURNS: Exit.LIMIT,
    Failure.BUDGET: Exit.LIMIT,
    Failure.RESOURCE_EXCEEDED: Exit.LIMIT,
}

#: The nearest class in a refusal's ancestry decides.
OF_REFUSAL: Final[Mapping[type[CCExecutorError], Exit]] = {
    InvalidRequest: Exit.USAGE,
    CommandNotAllowed: Exit.REFUSED,
    NotFound: Exit.REFUSED,
    Conflict: Exit.REFUSED,
    Unavailable: Exit.REFUSED,
    LimitReached: Exit.LIMIT,
    CCExecutorError: Exit.REFUSED,
}


def of_execution(execution: ExecutionResult) -> Exit:
    """Return the code of an ended execution: that of the task that made it what it is."""
    for task in execution.tasks:
        if task.state not in (TaskState.SUCCEEDED, TaskState.SKIPPED):
            return of_task(task)
    return OF_STATE[execution.state]


def of_task(task: TaskResult) -> Exit:
    """Return the code of an ended task."""
    outcome = task.outcome
    if outcome is not None and outcome.failure is not None and outcome.failure in OF_FAILURE:
        return OF_FAILURE[outcome.failure]
    return OF_STATE[task.state]


def of_refusal(refusal: CCExecutorError) -> Exit:
    """Return the code of a request that was refused."""
    return next(OF_REFUSAL[kind] for kind in type(refusal).__mro__ if kind in OF_REFUSAL)
