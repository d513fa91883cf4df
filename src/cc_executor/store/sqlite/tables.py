"""The tables of the law, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cc_executor.model.budgets import Account, Hold
from cc_executor.model.events import Lifecycle
from cc_executor.model.forecasts import Observation
from cc_executor.model.ids import attempt_id
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
from cc_executor.store.sqlite.budgets import account_of, holds_of
from cc_executor.store.sqlite.columns import to_json
from cc_executor.store.sqlite.statements import Statements
from cc_executor.store.tables import ExecutionRow, TaskRow

_ALL_STATES: Final = to_json(list(TaskState))


class SqliteTables(Statements):
    """Implements `store.tables.Tables` inside a transaction of its connection."""

    def execution_row(self, execution_id: str) -> ExecutionRow | None:
        """Return the row of an execution."""
        row = self.run("execution_row", id=execution_id).fetchone()
        return ExecutionRow(row[0], TaskState(row[1]), row[2]) if row else None

    def task_row(self, task_id: str) -> TaskRow | None:
        """Return the row of a task."""
        row = self.run("task_row", id=task_id).fetchone()
        return TaskRow(row[0], row[1], row[2], TaskState(row[3]), row[4]) if row else None

    def attempt_state(self, task_id: str, number: int) -> AttemptState | None:
        """Return the state of an attempt."""
        row = self.run("attempt_state", task_id=task_id, number=number).fetchone()
        return AttemptState(row[0]) if row else None

    def session_holder(self, agent: str, agent_session_id: str) -> str | None:
        """Return the id of the attempt that holds the session."""
        row = self.run("session_holder", agent=agent, agent_session_id=agent_session_id).fetchone()
        return attempt_id(row[0], row[1]) if row else None

    def counted_states(self, execution_id: str) -> Iterable[TaskState]:
        """Return the states of the tasks that count."""
        rows = self.run("counted_states", execution_id=execution_id, states=_ALL_STATES)
        return [TaskState(state) for state, first in rows if first is not None]

    def last_seq(self, execution_id: str) -> int:
        """Return the seq of the last event."""
        (seq,) = self.run("last_seq", execution_id=execution_id).fetchone() or (None,)
        return seq or 0

    def add_execution(self, execution: ExecutionRecord) -> None:
        """Add a new execution with its list."""
        self.run(
            "add_execution",
            id=execution.id,
            host=str(execution.host),
            state=str(execution.state),
            created_at=execution.created_at,
            ended_at=execution.ended_at,
            generation=execution.generation,
            owner=execution.owner,
            continues=execution.continues,
            principal=execution.principal,
        )
        self.run("add_task_list", execution_id=execution.id, body=to_json(execution.task_list))

    def add_task(self, task: TaskRecord, *, counts: bool) -> None:
        """Add a new task."""
        self.run(
            "add_task",
            id=task.id,
            execution_id=task.execution_id,
            number=task.number,
            name=task.name,
            state=str(task.state),
            counts=counts,
            attempts=task.attempts,
            started_at=task.started_at,
            ended_at=task.ended_at,
            outcome=to_json(task.outcome) if task.outcome else None,
            carried_from=task.carried_from,
        )

    def add_attempt(self, attempt: AttemptRecord) -> None:
        """Add a new attempt, and count it in its task."""
        self.run(
            "add_attempt",
            task_id=attempt.task_id,
            number=attempt.number,
            state=str(attempt.state),
            agent=attempt.agent,
            created_at=attempt.created_at,
            agent_session_id=attempt.agent_session_id,
            forecast=to_json(attempt.forecast) if attempt.forecast else None,
        )
        self.run("count_attempt", task_id=attempt.task_id, number=attempt.number)

    def add_event(self, event: Lifecycle) -> None:
        """Add an event."""
        self.run(
            "add_event",
            execution_id=event.execution_id,
            seq=event.seq,
            at=event.at,
            kind=event.kind,
            task_id=event.task_id,
            attempt=event.attempt,
            data=to_json(event.data),
        )

    def add_request(
        self, execution_id: str, wish: Wish, *, task_id: str | None, at: float
    ) -> Request:
        """Add a wish."""
        ((seq,),) = self.run(
            "add_request", execution_id=execution_id, task_id=task_id, wish=str(wish), at=at
        )
        return Request(seq=seq, execution_id=execution_id, task_id=task_id, wish=wish, at=at)

    def give_execution(self, execution_id: str, *, generation: int, owner: str) -> None:
        """Set who may write to an execution."""
        self.run("give_execution", id=execution_id, generation=generation, owner=owner)

    def move_execution(
        self, execution_id: str, state: TaskState, *, ended_at: float | None
    ) -> None:
        """Set an execution's state."""
        self.run("move_execution", id=execution_id, state=str(state), ended_at=ended_at)

    def move_task(
        self,
        task_id: str,
        state: TaskState,
        *,
        started_at: float | None = None,
        ended_at: float | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        """Set a task's state, and whatever else is given."""
        self.run(
            "move_task",
            id=task_id,
            state=str(state),
            started_at=started_at,
            ended_at=ended_at,
            outcome=to_json(outcome) if outcome else None,
        )

    def set_waiting(self, task_id: str, waiting: Waiting | None) -> None:
        """Set why a task waits."""
        self.run("set_waiting", id=task_id, waiting=to_json(waiting) if waiting else None)

    def put_window(self, window: UsageWindow) -> None:
        """Set what is known of a login's window."""
        self.run("put_window", **msgspec.structs.asdict(window))

    def run_attempt(self, task_id: str, number: int, *, pid: int) -> None:
        """Set an attempt running."""
        state = str(AttemptState.RUNNING)
        self.run("run_attempt", task_id=task_id, number=number, state=state, pid=pid)

    def end_attempt(self, task_id: str, number: int, *, ended_at: float, outcome: Outcome) -> None:
        """End an attempt."""
        self.run(
            "end_attempt",
            task_id=task_id,
            number=number,
            state=str(AttemptState.ENDED),
            ended_at=ended_at,
            outcome=to_json(outcome),
        )

    def account(self, name: str) -> Account | None:
        """Return a budget's account."""
        return account_of(self, name)

    def put_account(self, account: Account) -> None:
        """Add or replace an account."""
        self.run(
            "put_account",
            name=account.name,
            spent=to_json(account.spent),
            reserved=to_json(account.reserved),
            unknown=to_json(account.unknown),
            holders=account.holders,
        )

    def holds(self, attempt_id: str) -> Sequence[Hold]:
        """Return what is, or was, held for an attempt."""
        return holds_of(self, attempt_id)

    def put_hold(self, hold: Hold) -> None:
        """Add what is held, or settle it."""
        self.run(
            "put_hold",
            attempt_id=hold.attempt_id,
            account=hold.account,
            reserved=to_json(hold.reserved),
            allowed=to_json(hold.allowed),
            settled=hold.settled,
        )

    def drop_hold(self, attempt_id: str, account: str) -> None:
        """Remove what was held."""
        self.run("drop_hold", attempt_id=attempt_id, account=account)

    def add_observation(self, observation: Observation) -> None:
        """Add what an attempt took."""
        self.run(
            "add_observation",
            agent=observation.subject.agent,
            digest=observation.subject.digest,
            at=observation.at,
            body=to_json(observation),
        )
