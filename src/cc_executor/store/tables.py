"""What the law needs to see and to change: rows, without any opinion about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from cc_executor.model.budgets import Account, Hold
from cc_executor.model.events import Lifecycle
from cc_executor.model.forecasts import Observation
from cc_executor.model.lifecycle import AttemptState, TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import (
    AttemptRecord,
    ExecutionRecord,
    Request,
    TaskRecord,
    Waiting,
    Wish,
)
from cc_executor.model.windows import UsageWindow


class ExecutionRow(NamedTuple):
    """The part of an execution that decides what may be written to it."""

    id: str
    state: TaskState
    generation: int


class TaskRow(NamedTuple):
    """The part of a task that decides which moves it may make."""

    id: str
    execution_id: str
    name: str
    state: TaskState
    attempts: int


#: What executions are ordered by: when they were created, then their id.
Age = tuple[float, str]


def age(execution: ExecutionRecord) -> Age:
    """Return the execution's place in time."""
    return execution.created_at, execution.id


class Tables(Protocol):
    """Rows inside one transaction: its owner keeps them when the law returns, undoes them when
    it raises.

    A task's spec is not kept with the task: it is an entry of its execution's list.
    """

    def execution_row(self, execution_id: str) -> ExecutionRow | None:
        """Return the row of an execution, None when there is none."""
        ...

    def task_row(self, task_id: str) -> TaskRow | None:
        """Return the row of a task, None when there is none."""
        ...

    def attempt_state(self, task_id: str, number: int) -> AttemptState | None:
        """Return the state of an attempt, None when there is none."""
        ...

    def session_holder(self, agent: str, agent_session_id: str) -> str | None:
        """Return the id of the attempt that holds the agent's session and has not ended."""
        ...

    def counted_states(self, execution_id: str) -> Iterable[TaskState]:
        """Return the states of the tasks that count, each once, in order of its first task."""
        ...

    def last_seq(self, execution_id: str) -> int:
        """Return the seq of the execution's last event, 0 before the first."""
        ...

    def add_execution(self, execution: ExecutionRecord) -> None:
        """Add a new execution with its list."""
        ...

    def add_task(self, task: TaskRecord, *, counts: bool) -> None:
        """Add a new task; `counts` tells whether its execution's state depends on it."""
        ...

    def add_attempt(self, attempt: AttemptRecord) -> None:
        """Add a new attempt, and count it in its task, which waits no longer."""
        ...

    def add_event(self, event: Lifecycle) -> None:
        """Add an event under the next seq of its execution."""
        ...

    def add_request(
        self, execution_id: str, wish: Wish, *, task_id: str | None, at: float
    ) -> Request:
        """Add a wish under the next seq of the store."""
        ...

    def give_execution(self, execution_id: str, *, generation: int, owner: str) -> None:
        """Set who may write to an execution."""
        ...

    def move_execution(
        self, execution_id: str, state: TaskState, *, ended_at: float | None
    ) -> None:
        """Set an execution's state."""
        ...

    def move_task(
        self,
        task_id: str,
        state: TaskState,
        *,
        started_at: float | None = None,
        ended_at: float | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        """Set a task's state, and whatever else is given; one that has ended waits no longer."""
        ...

    def set_waiting(self, task_id: str, waiting: Waiting | None) -> None:
        """Set why a task waits, or that it does not."""
        ...

    def put_window(self, window: UsageWindow) -> None:
        """Set what is known of a login's window, unless something newer is."""
        ...

    def run_attempt(self, task_id: str, number: int, *, pid: int) -> None:
        """Set an attempt running."""
        ...

    def end_attempt(self, task_id: str, number: int, *, ended_at: float, outcome: Outcome) -> None:
        """End an attempt, which frees its agent session."""
        ...

    def account(self, name: str) -> Account | None:
        """Return a budget's account, None when nothing was ever held there."""
        ...

    def put_account(self, account: Account) -> None:
        """Add or replace an account."""
        ...

    def holds(self, attempt_id: str) -> Sequence[Hold]:
        """Return what is, or was, held for an attempt, by account."""
        ...

    def put_hold(self, hold: Hold) -> None:
        """Add what is held, or settle it."""
        ...

    def drop_hold(self, attempt_id: str, account: str) -> None:
        """Remove what was held for an attempt that has not started."""
        ...

    def add_observation(self, observation: Observation) -> None:
        """Add what an attempt took."""
        ...


class Views(Protocol):
    """Records as callers see them, read in one consistent state of the store."""

    def execution(self, execution_id: str) -> ExecutionRecord | None:
        """Return an execution, None when there is none."""
        ...

    def execution_ids(self, prefix: str, *, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`, in their order; the id itself comes first."""
        ...

    def executions(
        self,
        *,
        states: Sequence[TaskState] | None,
        principal: str | None,
        before: Age | None,
        limit: int,
    ) -> Sequence[ExecutionRecord]:
        """Return executions, newest first; those of `principal` and older than `before`, if given."""
        ...

    def unfinished(self) -> Sequence[ExecutionRecord]:
        """Return every execution that has not ended, oldest first."""
        ...

    def count_unfinished(self, principal: str) -> int:
        """Return how many executions of a principal have not ended."""
        ...

    def tasks(self, execution_id: str) -> Sequence[TaskRecord]:
        """Return the tasks of an execution in list order; none when there is no such execution."""
        ...

    def usage_windows(self, credential: str | None) -> Sequence[UsageWindow]:
        """Return what is known of a login's windows, or of all, by login and name."""
        ...

    def attempts(self, task_id: str) -> Sequence[AttemptRecord]:
        """Return a task's attempts, first to last."""
        ...

    def events(self, execution_id: str, *, after_seq: int, limit: int) -> Sequence[Lifecycle]:
        """Return events with `seq > after_seq` in order."""
        ...

    def requests(self, execution_id: str, *, after_seq: int) -> Sequence[Request]:
        """Return wishes with `seq > after_seq` in order."""
        ...

    def account(self, name: str) -> Account | None:
        """Return a budget's account, None when nothing was ever held there."""
        ...

    def holds(self, attempt_id: str) -> Sequence[Hold]:
        """Return what is, or was, held for an attempt, by account."""
        ...

    def observations(
        self, agent: str, *, limit: int, each: int, reach: int
    ) -> Sequence[Observation]:
        """Return what attempts of an agent took, the last that were added first.

        At most `limit`, and `each` of one digest; the last `reach` are looked at.
        """
        ...
