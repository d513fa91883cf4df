"""What is remembered about executions, tasks and attempts, and the changes that can be recorded.

A store keeps records and applies changes. Every change goes through `lifecycle` in the same
transaction that records it, and carries the lease under which it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from cc_executor.model.forecasts import Forecast, Observation
from cc_executor.model.lifecycle import AttemptState, Move, TaskState, after, is_final
from cc_executor.model.outcomes import Outcome
from cc_executor.model.specs import TaskList, TaskSpec


class Host(StrEnum):
    """Where the engine of an execution lives, and so what its death means.

    `in_process`: in the caller's process; when that dies the agent is stopped and the rest of
    the list is skipped (`continue` takes it up). `detached` and `server`: the agent lives on for
    the orphan grace and the next engine carries on with the list.
    """

    IN_PROCESS = "in_process"
    DETACHED = "detached"
    SERVER = "server"


class Lease(msgspec.Struct, frozen=True):
    """The right to write to one execution; refused as stale once a higher generation exists."""

    execution_id: str
    generation: int


class ExecutionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a task list. Instants are seconds since the epoch, UTC.

    Attributes:
        generation: Of the lease last taken; 0 before the first.
        owner: Engine id of the holder of that lease.
        continues: The execution whose rest this one runs.
        principal: Who submitted it to a server; None: it came without one.
    """

    id: str
    host: Host
    state: TaskState
    task_list: TaskList
    created_at: float
    ended_at: float | None = None
    generation: int = 0
    owner: str | None = None
    continues: str | None = None
    principal: str | None = None


class Waiting(msgspec.Struct, frozen=True):
    """Why a task that could go on does not.

    Attributes:
        reason: `usage_window`, `retry`, `budget`, `slot`, `memory`, `disk` or `pacing`.
        since: Seconds since the epoch, UTC.
        until: When it ends at the latest; None where nobody can know.
        message: One sentence for people.
    """

    reason: str
    since: float
    until: float | None
    message: str


class TaskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an execution.

    Attributes:
        number: 1-based position in the list.
        attempts: How many attempts exist.
        waiting: What keeps it, in whatever state it is, from starting its next attempt.
        carried_from: Task of an earlier execution whose outcome this one took over unrun.
        attempted_at: When the latest attempt was begun; None: none was.
        forecast: What the latest attempt was expected to take; None: none was made.
    """

    id: str
    execution_id: str
    number: int
    spec: TaskSpec
    state: TaskState = TaskState.QUEUED
    attempts: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    carried_from: str | None = None
    attempted_at: float | None = None
    forecast: Forecast | None = None
    waiting: Waiting | None = None

    @property
    def name(self) -> str:
        """The task's name, unique in its list."""
        return self.spec.name


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one child process for a task.

    Attributes:
        agent: Name of the dialect.
        agent_session_id: Session of the agent that this attempt holds exclusively until it ends.
        forecast: What it was expected to take; None: no forecast was made.
    """

    id: str
    task_id: str
    number: int
    state: AttemptState
    agent: str
    created_at: float
    agent_session_id: str | None = None
    pid: int | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    forecast: Forecast | None = None


# --- changes an owner records ----------------------------------------------------------------------


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is tried again.

    Attributes:
        reason: The failure before.
        by: `resume`: in the agent's session; `fresh`: from the beginning.
        number: Which repetition of this sort this is, from 1.
        of: How many there may be; None: it does not count.
        delay_s: Least time until it starts.
    """

    reason: str
    by: str
    number: int
    of: int | None
    delay_s: float


class TaskMoved(msgspec.Struct, frozen=True, kw_only=True):
    """A task makes a move; a final one brings its outcome.

    The store derives the execution's state from its tasks', and records `task.<past participle>`
    and, where it changes, `execution.<...>` events. A retry says how.
    """

    task_id: str
    move: Move
    at: float
    outcome: Outcome | None = None
    retrying: Retrying | None = None


class TaskWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A task waits before its next attempt, for another reason than before, or no longer.

    Recorded as `task.waiting` and `task.proceeding`. The start of an attempt and the end of the
    task end every wait without being told.

    Attributes:
        waiting: None: it goes on.
    """

    task_id: str
    at: float
    waiting: Waiting | None


class AttemptStarting(msgspec.Struct, frozen=True, kw_only=True):
    """Intent to start a child process: committed before anything is spawned.

    Refused with `AgentSessionBusy` when an attempt that has not ended holds the session, and with
    `StaleWrite` when the attempt's number is not the next one.

    Attributes:
        timeout_s: Its bound.
        forecast: What it is expected to take.
    """

    task_id: str
    number: int
    agent: str
    at: float
    agent_session_id: str | None = None
    timeout_s: float | None = None
    forecast: Forecast | None = None


class AttemptRunning(msgspec.Struct, frozen=True, kw_only=True):
    """The child process exists."""

    task_id: str
    number: int
    at: float
    pid: int


class AttemptEnded(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt is over; its session lease is free again.

    Attributes:
        observed: What it teaches, recorded in the same transaction: an attempt ends once, so it is
            learned from once. It outlives the attempt's other records. None: nothing.
    """

    task_id: str
    number: int
    at: float
    outcome: Outcome
    observed: Observation | None = None


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """An event that moves nothing: a progress note, a warning."""

    kind: str
    at: float
    task_id: str | None = None
    attempt: int | None = None
    data: Mapping[str, Any] = {}


Change = TaskMoved | TaskWaiting | AttemptStarting | AttemptRunning | AttemptEnded | Noted


def changed(task: TaskRecord, change: Change) -> TaskRecord:
    """Return a task after a change of it that was recorded: what a store shows from then on.

    Raises:
        InvalidTransition: It cannot have been recorded.
    """
    match change:
        case TaskMoved():
            state = after(task.state, change.move)
            return msgspec.structs.replace(
                task,
                state=state,
                started_at=change.at if change.move is Move.START else task.started_at,
                ended_at=change.at if is_final(state) else task.ended_at,
                outcome=change.outcome or task.outcome,
                waiting=None if is_final(state) else task.waiting,
            )
        case TaskWaiting():
            return msgspec.structs.replace(task, waiting=change.waiting)
        case AttemptStarting():
            return msgspec.structs.replace(
                task,
                attempts=change.number,
                attempted_at=change.at,
                forecast=change.forecast,
                waiting=None,
            )
        case _:
            return task


# --- what anybody may ask of an owner ----------------------------------------------------------------


class Wish(StrEnum):
    """What a process that does not own an execution may ask of the one that does."""

    CANCEL = "cancel"
    KILL = "kill"  # cancel without waiting for graces
    PAUSE = "pause"
    RESUME = "resume"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A wish on its way to the owner.

    Attributes:
        seq: Position among all requests of the store, increasing.
        task_id: None: the whole execution.
    """

    seq: int
    execution_id: str
    task_id: str | None
    wish: Wish
    at: float
