"""Small valid records and changes, as the suite uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cc_executor.model.failures import Failure
from cc_executor.model.ids import task_id
from cc_executor.model.lifecycle import Move, TaskState
from cc_executor.model.outcomes import Claimed, EndedBy, Executed, Outcome
from cc_executor.model.records import (
    AttemptEnded,
    AttemptRunning,
    AttemptStarting,
    Change,
    ExecutionRecord,
    Host,
    Lease,
    Noted,
    TaskMoved,
    TaskRecord,
    TaskWaiting,
    Waiting,
)
from cc_executor.model.specs import TaskList, TaskSpec
from cc_executor.ports.store import Store

AT: Final = 1_700_000_000.25
AGENT: Final = "claude"

_FAILURES: Final[Mapping[TaskState, Failure | None]] = {
    TaskState.SUCCEEDED: None,
    TaskState.FAILED: Failure.EXIT_STATUS,
    TaskState.TIMED_OUT: Failure.TIMED_OUT,
    TaskState.CANCELLED: Failure.CANCELLED,
    TaskState.LOST: Failure.LOST,
    TaskState.SKIPPED: Failure.UPSTREAM,
}

#: How a task gets into each state.
PATHS: Final[Mapping[TaskState, tuple[Move, ...]]] = {
    TaskState.QUEUED: (),
    TaskState.RUNNING: (Move.START,),
    TaskState.PAUSED: (Move.START, Move.PAUSE),
    TaskState.SUCCEEDED: (Move.START, Move.SUCCEED),
    TaskState.FAILED: (Move.START, Move.FAIL),
    TaskState.TIMED_OUT: (Move.START, Move.TIME_OUT),
    TaskState.CANCELLED: (Move.START, Move.CANCEL),
    TaskState.LOST: (Move.START, Move.LOSE),
    TaskState.SKIPPED: (Move.SKIP,),
}

#: Where each final move leads.
ENDS: Final[Mapping[Move, TaskState]] = {
    Move.SUCCEED: TaskState.SUCCEEDED,
    Move.FAIL: TaskState.FAILED,
    Move.TIME_OUT: TaskState.TIMED_OUT,
    Move.CANCEL: TaskState.CANCELLED,
    Move.LOSE: TaskState.LOST,
    Move.SKIP: TaskState.SKIPPED,
}


def outcome(state: TaskState = TaskState.SUCCEEDED) -> Outcome:
    """Return an outcome of a program that really ran."""
    return Outcome(
        state=state,
        failure=_FAILURES[state],
        message=f"it {state}",
        executed=Executed(
            ended_by=EndedBy.EXIT, exit_code=0, duration_s=1.5, output_bytes=12, cpu_s=0.25
        ),
        claimed=Claimed(text="done", structured={"n": [1, None, 2.5]}, num_turns=3),
        cost_usd=0.125,
        agent_session_id="made-on-the-way",
    )


def new_execution(
    execution_id: str = "run",
    *,
    tasks: int = 2,
    created_at: float = AT,
    owner: str | None = None,
    principal: str | None = None,
    carried: Sequence[TaskState] = (),
) -> tuple[ExecutionRecord, tuple[TaskRecord, ...]]:
    """Return the records of an execution that is to be created.

    Args:
        execution_id: Its id.
        tasks: How many entries its list has.
        created_at: When.
        owner: The engine that has it from the first moment.
        principal: Who submitted it.
        carried: What became of its first tasks in an earlier execution.
    """
    specs = tuple(
        TaskSpec(name=f"task-{number}", prompt=f"Do {number}.") for number in range(1, tasks + 1)
    )
    execution = ExecutionRecord(
        id=execution_id,
        host=Host.SERVER,
        state=TaskState.QUEUED,
        task_list=TaskList(tasks=specs, workspace="/workspace", title="a list"),
        created_at=created_at,
        generation=1 if owner else 0,
        owner=owner,
        continues="earlier" if carried else None,
        principal=principal,
    )
    records = tuple(
        TaskRecord(
            id=task_id(execution_id, number), execution_id=execution_id, number=number, spec=spec
        )
        for number, spec in enumerate(specs, start=1)
    )
    done = tuple(_carried(task, state) for task, state in zip(records, carried, strict=False))
    return execution, (*done, *records[len(done) :])


def _carried(task: TaskRecord, state: TaskState) -> TaskRecord:
    return TaskRecord(
        id=task.id,
        execution_id=task.execution_id,
        number=task.number,
        spec=task.spec,
        state=state,
        started_at=AT,
        ended_at=AT,
        outcome=outcome(state),
        carried_from=f"earlier.{task.number}",
    )


async def owned(store: Store, execution_id: str = "run", *, tasks: int = 2) -> Lease:
    """Create an execution and take it."""
    await store.create(*new_execution(execution_id, tasks=tasks))
    return await store.take(execution_id, "engine")


def move(task: str, what: Move, *, at: float = AT) -> TaskMoved:
    """Return the change of a task that makes a move, with an outcome when it is a final one."""
    end = ENDS.get(what)
    return TaskMoved(task_id=task, move=what, at=at, outcome=outcome(end) if end else None)


def moves(task: str, *path: Move) -> tuple[TaskMoved, ...]:
    """Return the changes of a task that makes several moves."""
    return tuple(move(task, what) for what in path)


def waiting(task: str, *, until: float | None = None) -> TaskWaiting:
    """Return the change of a task that has begun to wait."""
    return TaskWaiting(task_id=task, at=AT + 1, waiting=Waiting("slot", AT, until, "no room"))


def starting(task: str, number: int = 1, *, session: str | None = None) -> AttemptStarting:
    """Return the intent to start an attempt."""
    return AttemptStarting(
        task_id=task, number=number, agent=AGENT, at=AT, agent_session_id=session, timeout_s=60.0
    )


def running(task: str, number: int = 1) -> AttemptRunning:
    """Return the change of an attempt whose child exists."""
    return AttemptRunning(task_id=task, number=number, at=AT, pid=4_711)


def ended(task: str, number: int = 1, *, state: TaskState = TaskState.SUCCEEDED) -> AttemptEnded:
    """Return the change of an attempt that is over."""
    return AttemptEnded(task_id=task, number=number, at=AT, outcome=outcome(state))


def note(kind: str = "task.noted", *, task: str | None = None) -> Noted:
    """Return a note."""
    return Noted(kind=kind, at=AT, task_id=task, data={"n": 1})


def started(task: str, *, session: str | None = None) -> tuple[Change, ...]:
    """Return the changes that bring a queued task to a running first attempt."""
    return move(task, Move.START), starting(task, session=session), running(task)


def succeeded(task: str) -> tuple[Change, ...]:
    """Return the changes that end a running task after its first attempt."""
    return ended(task), move(task, Move.SUCCEED)


async def kinds(store: Store, execution_id: str = "run") -> list[str]:
    """Return the kinds of an execution's events, in order."""
    return [event.kind for event in await store.events(execution_id)]


async def contents(store: Store) -> dict[str, object]:
    """Return everything that a store shows, for a comparison."""
    shown: dict[str, object] = {"unfinished": await store.unfinished()}
    executions = await store.executions(limit=1_000)
    shown["executions"] = executions
    for execution in executions:
        tasks = await store.tasks(execution.id)
        shown[execution.id] = tasks
        shown[f"{execution.id} events"] = await store.events(execution.id)
        shown[f"{execution.id} requests"] = await store.requests(execution.id)
        for task in tasks:
            shown[f"{task.id} attempts"] = await store.attempts(task.id)
    return shown
