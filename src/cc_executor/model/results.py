"""What callers get back: an execution with its tasks, and the object of `--json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from cc_executor.model.budgets import (
    Account,
    Budget,
    BudgetState,
    list_account,
    state_of,
    task_account,
)
from cc_executor.model.forecasts import Forecast
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.outcomes import Outcome, Verified
from cc_executor.model.records import ExecutionRecord, TaskRecord


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """One task as it stands, final or not.

    Attributes:
        budget: How its own budget stands; None: it has none.
    """

    record: TaskRecord
    budget: BudgetState | None = None

    @property
    def task_id(self) -> str:
        """Id of the task."""
        return self.record.id

    @property
    def name(self) -> str:
        """Name of the task, unique in its list."""
        return self.record.name

    @property
    def state(self) -> TaskState:
        """State of the task."""
        return self.record.state

    @property
    def ok(self) -> bool:
        """Whether it did what was asked, as far as was checked."""
        return self.record.state is TaskState.SUCCEEDED

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, None while it has not."""
        return self.record.outcome

    @property
    def result(self) -> Any:  # noqa: ANN401 - text, or any JSON value
        """The agent's structured value if it gave one, else its answer; None without an outcome."""
        outcome = self.record.outcome
        if outcome is None:
            return None
        structured = outcome.claimed.structured
        return outcome.claimed.text if structured is msgspec.UNSET else structured

    def raise_for_failure(self) -> None:
        """Do nothing for a success.

        Raises:
            TaskFailed: The task ended otherwise.
        """
        if self.record.outcome is not None:
            claimed = self.record.outcome.claimed
            self.record.outcome.raise_for_failure(
                task_id=self.task_id, partial_output=claimed.text or claimed.last_text or ""
            )

    def to_json(self) -> dict[str, Any]:
        """Return the task's part of the `--json` object."""
        outcome = self.record.outcome
        executed = outcome.executed if outcome else None
        changes = outcome.changes if outcome else None
        return {
            "name": self.name,
            "task_id": self.task_id,
            "state": str(self.state),
            "failure": str(outcome.failure) if outcome and outcome.failure else None,
            "detail": outcome.detail if outcome else None,
            "message": outcome.message if outcome else None,
            "exit_code": executed.exit_code if executed else None,
            "signal": executed.signal if executed else None,
            "verified": str(outcome.verified.status) if outcome else None,
            "findings": _findings(outcome.verified) if outcome else None,
            "files_created": list(changes.created) if changes else [],
            "files_modified": list(changes.modified) if changes else [],
            "files_deleted": list(changes.deleted) if changes else [],
            "ground": msgspec.to_builtins(outcome.ground) if outcome and outcome.ground else None,
            "files_complete": changes.complete if changes else False,
            "result": self.result,
            "cost_usd": outcome.cost_usd if outcome else None,
            "budget": self.budget and msgspec.to_builtins(self.budget),
            "usage": msgspec.to_builtins(outcome.usage) if outcome and outcome.usage else None,
            "session_id": outcome.agent_session_id if outcome else None,
            "duration_s": executed.duration_s if executed else None,
            "timers": [_whole(timing) for timing in outcome.timers] if outcome else None,
            "attempts": self.record.attempts,
            "forecast": _builtins(self.record.forecast),
            "waiting": msgspec.to_builtins(self.record.waiting),
            "carried_from": self.record.carried_from,
        }


def _builtins(forecast: Forecast | None) -> dict[str, Any] | None:
    value: dict[str, Any] | None = msgspec.to_builtins(forecast)
    return value


def _findings(verified: Verified) -> dict[str, Any]:
    """Return everything that was looked at, what was found, and why it does not hold."""
    return {
        "files": [_whole(file) for file in verified.files],
        "expectations": [_whole(line) for line in verified.expectations],
        "checks": [_whole(check) for check in verified.checks],
        "judgement": _whole(verified.judgement) if verified.judgement else None,
    }


def _whole(finding: msgspec.Struct) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(msgspec.structs.asdict(finding))  # what is None is said, too
    )
    return fields


class ExecutionResult(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as it stands, with its tasks in list order.

    Attributes:
        budget: How the budget of its list stands; None: it has none.
    """

    record: ExecutionRecord
    tasks: tuple[TaskResult, ...]
    budget: BudgetState | None = None

    @property
    def id(self) -> str:
        """Id of the execution."""
        return self.record.id

    @property
    def state(self) -> TaskState:
        """State of the whole."""
        return self.record.state

    @property
    def ok(self) -> bool:
        """Whether every task has succeeded."""
        return self.record.state is TaskState.SUCCEEDED

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return is_final(self.record.state)

    @property
    def cost_usd(self) -> float | None:
        """Sum of what the agents cost; None when one of them did not say.

        Commands and tasks carried over from an earlier execution cost nothing here.
        """
        costs = [
            task.outcome.cost_usd
            for task in self.tasks
            if task.outcome is not None
            and task.outcome.executed is not None
            and task.record.spec.command is None
            and task.record.carried_from is None
        ]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known and len(known) == len(costs) else None

    def raise_for_failure(self) -> None:
        """Do nothing when every task has succeeded.

        Raises:
            TaskFailed: For the first task that did not.
        """
        for task in self.tasks:
            task.raise_for_failure()

    def to_json(self) -> dict[str, Any]:
        """Return the object that `run --json` prints."""
        return {
            "execution_id": self.id,
            "state": str(self.state),
            "workspace": self.record.task_list.workspace,
            "title": self.record.task_list.title,
            "host": str(self.record.host),
            "continues": self.record.continues,
            "created_at": self.record.created_at,
            "ended_at": self.record.ended_at,
            "cost_usd": self.cost_usd,
            "budget": self.budget and msgspec.to_builtins(self.budget),
            "tasks": [task.to_json() for task in self.tasks],
        }


def result_of(
    record: ExecutionRecord, tasks: tuple[TaskRecord, ...], accounts: Iterable[Account] = ()
) -> ExecutionResult:
    """Return the view of an execution.

    Args:
        record: The execution.
        tasks: Its tasks.
        accounts: What `accounts_of` names.
    """
    known = {account.name: account for account in accounts}

    def state(name: str, budget: Budget | None) -> BudgetState | None:
        return None if budget is None else state_of(budget, known.get(name) or Account(name=name))

    return ExecutionResult(
        record=record,
        tasks=tuple(
            TaskResult(record=task, budget=state(task_account(task.id), task.spec.budget))
            for task in tasks
        ),
        budget=state(list_account(record.id), record.task_list.budget),
    )


def accounts_of(record: ExecutionRecord, tasks: tuple[TaskRecord, ...]) -> tuple[str, ...]:
    """Return the accounts of the budgets that an execution and its tasks have for themselves."""
    own = [task_account(task.id) for task in tasks if task.spec.budget is not None]
    return (*([list_account(record.id)] if record.task_list.budget is not None else []), *own)
