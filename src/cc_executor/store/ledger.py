"""The law of the books, for every store: which write is accepted, what it changes, what it tells.

A store brings rows (`Tables`) and a transaction; what is done with them is decided here. Memory
and SQLite cannot drift apart in what they allow, because neither allows anything itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

import msgspec

from cc_executor.errors import (
    AgentSessionBusy,
    DuplicateExecution,
    ExecutionNotFound,
    InvalidTransition,
    StaleWrite,
    TaskNotFound,
)
from cc_executor.model.events import Lifecycle
from cc_executor.model.ids import attempt_id, task_id
from cc_executor.model.lifecycle import (
    AttemptState,
    Move,
    TaskState,
    after,
    is_final,
    state_of_list,
)
from cc_executor.model.records import (
    AttemptEnded,
    AttemptRecord,
    AttemptRunning,
    AttemptStarting,
    Change,
    ExecutionRecord,
    Lease,
    Noted,
    Request,
    TaskMoved,
    TaskRecord,
    TaskWaiting,
    Wish,
)
from cc_executor.model.spending import used_by
from cc_executor.store import budgeting, facts
from cc_executor.store.laws import (
    ATTEMPT_EVENTS,
    ATTEMPT_MOVES,
    KINDS,
    MAY_BE_ATTEMPTED,
    PROCEEDING,
    SUBMITTED,
    TASK_EVENTS,
    WAITING,
    AttemptMove,
    event_of_execution,
)
from cc_executor.store.tables import ExecutionRow, Tables, TaskRow


def create(
    tables: Tables,
    execution: ExecutionRecord,
    tasks: Sequence[TaskRecord],
    changes: Sequence[Change] = (),
) -> tuple[Lifecycle, ...]:
    """Add an execution with its tasks, and make its owner's first changes.

    Raises:
        DuplicateExecution: The id is taken.
        InvalidTransition, AgentSessionBusy, TaskNotFound, StaleWrite: As `record` says.
        ValueError: The tasks are not the entries of the execution's list, or there are changes by
            nobody.
    """
    _check_tasks(execution, tasks)
    if changes and execution.owner is None:
        raise ValueError(f"{execution.id}: nobody owns it who could change it")
    if tables.execution_row(execution.id) is not None:
        raise DuplicateExecution(execution.id)
    state = state_of_list(task.state for task in tasks if _counts(task))
    ended_at = execution.created_at if is_final(state) else None
    tables.add_execution(msgspec.structs.replace(execution, state=state, ended_at=ended_at))
    for task in tasks:
        tables.add_task(task, counts=_counts(task))
    entry = _Entry(tables, ExecutionRow(execution.id, state, execution.generation), seq=0)
    entry.tell(SUBMITTED, execution.created_at, data=facts.of_submission(execution))
    if state is not TaskState.QUEUED:
        entry.tell(event_of_execution(TaskState.QUEUED, state), execution.created_at)
    entry.make(changes)
    return tuple(entry.events)


def take(tables: Tables, execution_id: str, owner: str) -> Lease:
    """Give the execution to `owner` under the next generation.

    Raises:
        ExecutionNotFound: No such execution.
    """
    generation = _known(tables, execution_id).generation + 1
    tables.give_execution(execution_id, generation=generation, owner=owner)
    return Lease(execution_id, generation)


def record(tables: Tables, lease: Lease, changes: Sequence[Change]) -> tuple[Lifecycle, ...]:
    """Apply changes in order and return the events they made.

    The execution's own state moves once, at the end: a list that is cancelled as a whole was
    never running for a moment.

    Raises:
        ExecutionNotFound, StaleWrite, InvalidTransition, AgentSessionBusy, TaskNotFound:
            As `ports.store.Store.record` says.
        ValueError: A change contradicts itself.
    """
    execution = _known(tables, lease.execution_id)
    # Generation 0 is nobody's: nobody has taken the execution yet.
    if lease.generation != execution.generation or lease.generation == 0:
        raise StaleWrite(execution.id, held=lease.generation, current=execution.generation)
    entry = _Entry(tables, execution, seq=tables.last_seq(execution.id))
    entry.make(changes)
    return tuple(entry.events)


def request(
    tables: Tables, execution_id: str, wish: Wish, *, task_id: str | None, at: float
) -> Request:
    """Add a wish.

    Raises:
        ExecutionNotFound, TaskNotFound: No such thing.
    """
    execution = _known(tables, execution_id)
    if task_id is not None:
        _task_of(tables, execution, task_id)
    return tables.add_request(execution_id, wish, task_id=task_id, at=at)


class _Entry:
    """One entry in the books: the changes of one call, and the events that tell of them."""

    def __init__(self, tables: Tables, execution: ExecutionRow, *, seq: int) -> None:
        self.events: list[Lifecycle] = []
        self._tables = tables
        self._execution = execution
        self._seq = seq
        self._tasks: dict[str, TaskRow] = {}  # as they stand after the changes so far

    def tell(
        self,
        kind: str,
        at: float,
        *,
        task_id: str | None = None,
        attempt: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Add an event under the next seq."""
        self._seq += 1
        event = Lifecycle(
            seq=self._seq,
            at=at,
            execution_id=self._execution.id,
            kind=kind,
            task_id=task_id,
            attempt=attempt,
            data=data or {},
        )
        self._tables.add_event(event)
        self.events.append(event)

    def make(self, changes: Sequence[Change]) -> None:
        """Make the changes in order, and what follows from them for the execution."""
        for change in changes:
            self._make(change)
        self._settle(changes)

    def _make(self, change: Change) -> None:
        """Make one change."""
        match change:
            case TaskMoved():
                self._move_task(change)
            case TaskWaiting():
                self._wait(change)
            case AttemptStarting():
                self._start_attempt(change)
            case AttemptRunning():
                self._run_attempt(change)
            case AttemptEnded():
                self._end_attempt(change)
            case Noted():
                self._note(change)
            case _:
                assert_never(change)

    def _settle(self, changes: Sequence[Change]) -> None:
        """Bring the execution to the state that its tasks now make it."""
        moves = [change for change in changes if isinstance(change, TaskMoved)]
        if not moves:
            return
        before = self._execution.state
        state = state_of_list(self._tables.counted_states(self._execution.id))
        if state is before:
            return
        at = moves[-1].at
        self._tables.move_execution(
            self._execution.id, state, ended_at=at if is_final(state) else None
        )
        self.tell(event_of_execution(before, state), at)

    # --- one method per kind of change -------------------------------------------------------

    def _move_task(self, change: TaskMoved) -> None:
        task = self._task(change.task_id)
        state = after(task.state, change.move)
        if is_final(state) != (change.outcome is not None):
            raise ValueError(f"{change.move} of {task.id}: final moves, and only they, bring one")
        self._tables.move_task(
            task.id,
            state,
            started_at=change.at if change.move is Move.START else None,
            ended_at=change.at if is_final(state) else None,
            outcome=change.outcome,
        )
        if is_final(state):  # what was held for an attempt that never began
            for number in (task.attempts, task.attempts + 1):
                budgeting.settle(self._tables, attempt_id(task.id, number), None)
        self._tasks[task.id] = task._replace(state=state)
        data = facts.of_task(task, change)
        self.tell(TASK_EVENTS[change.move], change.at, task_id=task.id, data=data)

    def _wait(self, change: TaskWaiting) -> None:
        task = self._task(change.task_id)
        if is_final(task.state):
            raise InvalidTransition(task.state, "wait")
        self._tables.set_waiting(task.id, change.waiting)
        kind = PROCEEDING if change.waiting is None else WAITING
        data = facts.of_wait(task, change.waiting)
        self.tell(kind, change.at, task_id=task.id, data=data)

    def _start_attempt(self, change: AttemptStarting) -> None:
        task = self._task(change.task_id)
        self._check_next(task, change)
        attempt = AttemptRecord(
            id=attempt_id(task.id, change.number),
            task_id=task.id,
            number=change.number,
            state=AttemptState.STARTING,
            agent=change.agent,
            created_at=change.at,
            agent_session_id=change.agent_session_id,
            forecast=change.forecast,
        )
        self._tables.add_attempt(attempt)
        self._tasks[task.id] = task._replace(attempts=change.number)
        self._tell_attempt(AttemptState.STARTING, change, facts.of_start(task, change))

    def _check_next(self, task: TaskRow, change: AttemptStarting) -> None:
        """Refuse a start that is not due: at most one child of a task lives at any time."""
        if task.state not in MAY_BE_ATTEMPTED:
            raise InvalidTransition(task.state, "attempt")
        if change.number != task.attempts + 1:
            raise _stale(task, change.number)
        last = self._tables.attempt_state(task.id, task.attempts)
        if last is not None and last is not AttemptState.ENDED:
            raise InvalidTransition(last, "repeat")
        if change.agent_session_id is not None:
            holder = self._tables.session_holder(change.agent, change.agent_session_id)
            if holder is not None:
                raise AgentSessionBusy(change.agent_session_id, holder)

    def _run_attempt(self, change: AttemptRunning) -> None:
        task = self._task_of_attempt(change, "run")
        self._tables.run_attempt(task.id, change.number, pid=change.pid)
        self._tell_attempt(AttemptState.RUNNING, change, {"name": task.name, "pid": change.pid})

    def _end_attempt(self, change: AttemptEnded) -> None:
        task = self._task_of_attempt(change, "end")
        self._tables.end_attempt(task.id, change.number, ended_at=change.at, outcome=change.outcome)
        outcome = change.outcome
        used = used_by(outcome) if outcome.executed is not None else None
        budgeting.settle(self._tables, attempt_id(task.id, change.number), used)
        if change.observed is not None:
            self._tables.add_observation(change.observed)
        data = {"name": task.name, **facts.of_outcome(change.outcome)}
        self._tell_attempt(AttemptState.ENDED, change, data)

    def _task_of_attempt(self, change: AttemptRunning | AttemptEnded, move: AttemptMove) -> TaskRow:
        """Return the task of the attempt that the change is about, if that allows the move.

        Only a task's latest attempt can do so: the earlier ones have ended.
        """
        task = self._task(change.task_id)
        state = self._tables.attempt_state(task.id, change.number)
        if state is None or state not in ATTEMPT_MOVES:
            raise _stale(task, change.number)
        if move not in ATTEMPT_MOVES[state]:
            raise InvalidTransition(state, move)
        return task

    def _note(self, change: Noted) -> None:
        if change.kind in KINDS:
            raise ValueError(f"a note cannot be {change.kind!r}: the law itself records those")
        if change.task_id is not None:
            task = self._task(change.task_id)
            if change.attempt is not None and change.attempt != task.attempts:
                raise _stale(task, change.attempt)
        self.tell(
            change.kind,
            change.at,
            task_id=change.task_id,
            attempt=change.attempt,
            data=facts.of_note(change),
        )

    def _tell_attempt(
        self,
        state: AttemptState,
        change: AttemptStarting | AttemptRunning | AttemptEnded,
        data: dict[str, Any],
    ) -> None:
        self.tell(
            ATTEMPT_EVENTS[state],
            change.at,
            task_id=change.task_id,
            attempt=change.number,
            data=data,
        )

    def _task(self, of_task: str) -> TaskRow:
        if of_task not in self._tasks:
            self._tasks[of_task] = _task_of(self._tables, self._execution, of_task)
        return self._tasks[of_task]


def _stale(task: TaskRow, number: int) -> StaleWrite:
    return StaleWrite(attempt_id(task.id, number), held=number, current=task.attempts)


def _known(tables: Tables, execution_id: str) -> ExecutionRow:
    execution = tables.execution_row(execution_id)
    if execution is None:
        raise ExecutionNotFound(execution_id)
    return execution


def _task_of(tables: Tables, execution: ExecutionRow, of_task: str) -> TaskRow:
    task = tables.task_row(of_task)
    if task is None or task.execution_id != execution.id:
        raise TaskNotFound(of_task)
    return task


def _counts(task: TaskRecord) -> bool:
    """Tell whether the execution's state depends on the task.

    A success that was carried over changes nothing: this execution has not started by it.
    """
    return task.carried_from is None or task.state is not TaskState.SUCCEEDED


def _check_tasks(execution: ExecutionRecord, tasks: Sequence[TaskRecord]) -> None:
    """Refuse records that contradict each other: what was stored so could not be read again."""
    specs = execution.task_list.tasks
    if not tasks or len(tasks) != len(specs):
        raise ValueError(f"{execution.id}: {len(tasks)} records for a list of {len(specs)} tasks")
    for number, (task, spec) in enumerate(zip(tasks, specs, strict=True), start=1):
        is_entry = (
            task.id == task_id(execution.id, number)
            and task.execution_id == execution.id
            and task.number == number
            and task.spec == spec
            and task.attempts == 0
        )
        if not is_entry:
            raise ValueError(f"{task.id} is not entry {number} of {execution.id}")
        is_new = task.state is TaskState.QUEUED and task.outcome is None
        is_carried = is_final(task.state) and None not in (task.outcome, task.carried_from)
        if not (is_new or is_carried):
            raise ValueError(f"{task.id} is neither new nor carried over with its outcome")
