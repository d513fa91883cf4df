"""Executions as callers see them."""

from __future__ import annotations

from cc_executor.model.records import ExecutionRecord, TaskRecord
from cc_executor.model.results import ExecutionResult, accounts_of, result_of
from cc_executor.ports.store import Store


async def view(store: Store, execution_id: str) -> ExecutionResult:
    """Return an execution as it stands, with its tasks and the budgets that are its own.

    Raises:
        ExecutionNotFound: No such execution.
    """
    return await viewed(store, *await store.execution_with_tasks(execution_id))


async def viewed(
    store: Store, record: ExecutionRecord, tasks: tuple[TaskRecord, ...]
) -> ExecutionResult:
    """Return the view of records that were read already."""
    names = accounts_of(record, tasks)
    return result_of(record, tasks, await store.accounts(names) if names else ())
