"""The port, spelled out once: every store answers from its rows through the same law."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from cc_executor.errors import AmbiguousId, ExecutionNotFound
from cc_executor.model.budgets import Account, Ask, Hold, Short, Used
from cc_executor.model.events import Lifecycle
from cc_executor.model.forecasts import Observation
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.records import (
    AttemptRecord,
    Change,
    ExecutionRecord,
    Lease,
    Request,
    TaskRecord,
    Wish,
)
from cc_executor.model.windows import UsageWindow
from cc_executor.store import budgeting, ledger
from cc_executor.store.tables import Tables, Views, age

_Answer = TypeVar("_Answer")

MAX_PAGE: Final = 1_000
MAX_OBSERVATIONS: Final = 10_000
OBSERVATIONS_REACH: Final = 5_000

#: How many ids an `AmbiguousId` names at most.
_MAX_MATCHES: Final = 20


class LedgerStore(ABC):
    """Implements `ports.store.Store`, but for where the rows are.

    A subclass runs pieces of work on its rows: writes one after the other, each whole or not at
    all and durable when it returns; reads in a state in which no write is half done.
    """

    @abstractmethod
    async def _write(self, work: Callable[[Tables], _Answer]) -> _Answer:
        """Return what `work` returns, its changes kept; undo them when it raises."""

    @abstractmethod
    async def _read(self, work: Callable[[Views], _Answer]) -> _Answer:
        """Return what `work` returns."""

    @abstractmethod
    async def version(self) -> int:
        """Return a number that changes with every write of anybody."""

    @abstractmethod
    async def aclose(self) -> None:
        """Finish what was accepted and release everything."""

    # --- writes ------------------------------------------------------------------------------

    async def create(
        self, execution: ExecutionRecord, tasks: Sequence[TaskRecord], *changes: Change
    ) -> tuple[Lifecycle, ...]:
        """Record a new execution with its tasks, and what its owner does first."""
        return await self._write(lambda tables: ledger.create(tables, execution, tasks, changes))

    async def take(self, execution_id: str, owner: str) -> Lease:
        """Give the execution to `owner` under a new generation."""
        return await self._write(lambda tables: ledger.take(tables, execution_id, owner))

    async def record(self, lease: Lease, *changes: Change) -> tuple[Lifecycle, ...]:
        """Apply changes, all or none, and return the events they made."""
        return await self._write(lambda tables: ledger.record(tables, lease, changes))

    async def request(
        self, execution_id: str, wish: Wish, *, task_id: str | None, at: float
    ) -> Request:
        """Record a wish for the owner."""
        return await self._write(
            lambda tables: ledger.request(tables, execution_id, wish, task_id=task_id, at=at)
        )

    async def reserve(self, attempt_id: str, asks: Sequence[Ask]) -> tuple[Hold, ...] | Short:
        """Hold something on every account for an attempt, or nothing on any."""
        return await self._write(lambda tables: budgeting.reserve(tables, attempt_id, asks))

    async def settle(self, attempt_id: str, used: Used | None) -> None:
        """Book what an attempt has used, once."""
        await self._write(lambda tables: budgeting.settle(tables, attempt_id, used))

    async def report_window(self, window: UsageWindow) -> None:
        """Remember a usage window of a login."""
        await self._write(lambda tables: tables.put_window(window))

    # --- reads -------------------------------------------------------------------------------

    async def requests(self, execution_id: str, *, after_seq: int = 0) -> tuple[Request, ...]:
        """Return the wishes for an execution, oldest first."""
        return tuple(
            await self._read(lambda views: views.requests(execution_id, after_seq=after_seq))
        )

    async def execution(self, execution_id: str) -> ExecutionRecord:
        """Return one execution."""
        return await self._read(lambda views: _known(views, execution_id))

    async def execution_with_tasks(
        self, execution_id: str
    ) -> tuple[ExecutionRecord, tuple[TaskRecord, ...]]:
        """Return one execution and its tasks."""
        return await self._read(
            lambda views: (_known(views, execution_id), tuple(views.tasks(execution_id)))
        )

    async def find(self, prefix: str) -> str:
        """Return the only id that starts with `prefix`."""
        ids = await self._read(lambda views: views.execution_ids(prefix, limit=_MAX_MATCHES))
        if not ids:
            raise ExecutionNotFound(prefix)
        if len(ids) > 1 and ids[0] != prefix:
            raise AmbiguousId(prefix, tuple(ids))
        return ids[0]

    async def executions(
        self,
        *,
        states: Sequence[TaskState] | None = None,
        principal: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> tuple[ExecutionRecord, ...]:
        """Return executions, newest first.

        Raises:
            ExecutionNotFound: There is no execution `before`.
            ValueError: `limit` is not 1 to 1,000.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit={limit} is not 1 to {MAX_PAGE}")

        def page(views: Views) -> Sequence[ExecutionRecord]:
            last = None if before is None else age(_known(views, before))
            return views.executions(states=states, principal=principal, before=last, limit=limit)

        return tuple(await self._read(page))

    async def unfinished(self) -> tuple[ExecutionRecord, ...]:
        """Return every execution that has not ended, oldest first."""
        return tuple(await self._read(lambda views: views.unfinished()))

    async def count_unfinished(self, principal: str) -> int:
        """Return how many executions of a principal have not ended."""
        return await self._read(lambda views: views.count_unfinished(principal))

    async def tasks(self, execution_id: str) -> tuple[TaskRecord, ...]:
        """Return the tasks of an execution in list order."""
        tasks = await self._read(lambda views: views.tasks(execution_id))
        if not tasks:  # a list has one at least
            raise ExecutionNotFound(execution_id)
        return tuple(tasks)

    async def usage_windows(self, credential: str | None = None) -> tuple[UsageWindow, ...]:
        """Return what is known of a login's windows."""
        return tuple(await self._read(lambda views: views.usage_windows(credential)))

    async def attempts(self, task_id: str) -> tuple[AttemptRecord, ...]:
        """Return a task's attempts, first to last."""
        return tuple(await self._read(lambda views: views.attempts(task_id)))

    async def holds(self, attempt_id: str) -> tuple[Hold, ...]:
        """Return what is, or was, held for an attempt."""
        return tuple(await self._read(lambda views: views.holds(attempt_id)))

    async def accounts(self, names: Sequence[str]) -> tuple[Account, ...]:
        """Return accounts of budgets as they stand at the same moment."""
        return await self._read(
            lambda views: tuple(views.account(name) or Account(name=name) for name in names)
        )

    async def events(
        self, execution_id: str, *, after_seq: int = 0, limit: int = 1_000
    ) -> tuple[Lifecycle, ...]:
        """Return events after `after_seq`, in order.

        Raises:
            ValueError: `limit` is not positive.
        """
        if limit < 1:
            raise ValueError(f"limit={limit} is not positive")
        return tuple(
            await self._read(
                lambda views: views.events(execution_id, after_seq=after_seq, limit=limit)
            )
        )

    async def observations(
        self, agent: str, *, limit: int, of_one_prompt: int | None = None
    ) -> tuple[Observation, ...]:
        """Return what attempts of an agent took, newest first.

        Raises:
            ValueError: `limit` is not 1 to 10,000.
        """
        if not 1 <= limit <= MAX_OBSERVATIONS:
            raise ValueError(f"limit={limit} is not 1 to {MAX_OBSERVATIONS}")
        each = limit if of_one_prompt is None else of_one_prompt
        reach = limit if each >= limit else OBSERVATIONS_REACH
        return tuple(
            await self._read(
                lambda views: views.observations(agent, limit=limit, each=each, reach=reach)
            )
        )


def _known(views: Views, execution_id: str) -> ExecutionRecord:
    execution = views.execution(execution_id)
    if execution is None:
        raise ExecutionNotFound(execution_id)
    return execution
