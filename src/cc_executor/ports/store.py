"""The truth about executions, as the engine asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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


class Store(Protocol):
    """Durable records with fenced writes.

    Whatever returned from a write survives `kill -9` and a power cut. All of a call's changes are
    made, or none. Every method may raise `StoreUnavailable`.
    """

    async def create(
        self, execution: ExecutionRecord, tasks: Sequence[TaskRecord], *changes: Change
    ) -> tuple[Lifecycle, ...]:
        """Record a new execution with all its tasks and the event `execution.submitted`.

        Tasks that are carried over come with a final state and outcome. An execution that has an
        owner from the first moment may come with what that does first: it is recorded in the same
        transaction, as `record` would under the lease of generation 1.

        Raises:
            DuplicateExecution: The id is taken; nothing was changed.
            InvalidTransition, AgentSessionBusy, TaskNotFound, StaleWrite: A change is refused, as
                by `record`; nothing was changed.
        """
        ...

    async def take(self, execution_id: str, owner: str) -> Lease:
        """Give the execution to `owner` under a new, higher generation.

        Every earlier lease is stale from now on. Whether the previous owner is dead is the
        caller's business (it holds the lock of the execution's folder).

        Raises:
            ExecutionNotFound: No such execution.
        """
        ...

    async def record(self, lease: Lease, *changes: Change) -> tuple[Lifecycle, ...]:
        """Apply changes in order, in one transaction, and return the events they made.

        Raises:
            StaleWrite: The lease's generation is not the current one, or the change is for an
                attempt that is not the task's latest.
            InvalidTransition: A move that the law does not allow.
            AgentSessionBusy: See `AttemptStarting`.
            TaskNotFound: The task does not belong to the lease's execution.
        """
        ...

    async def request(
        self, execution_id: str, wish: Wish, *, task_id: str | None, at: float
    ) -> Request:
        """Record a wish for the owner; needs no lease.

        Raises:
            ExecutionNotFound, TaskNotFound: No such thing.
        """
        ...

    async def requests(self, execution_id: str, *, after_seq: int = 0) -> tuple[Request, ...]:
        """Return the wishes recorded for an execution, oldest first."""
        ...

    async def execution(self, execution_id: str) -> ExecutionRecord:
        """Return one execution.

        Raises:
            ExecutionNotFound: No such execution.
        """
        ...

    async def execution_with_tasks(
        self, execution_id: str
    ) -> tuple[ExecutionRecord, tuple[TaskRecord, ...]]:
        """Return one execution and its tasks in list order, as they stand at the same moment.

        Raises:
            ExecutionNotFound: No such execution.
        """
        ...

    async def find(self, prefix: str) -> str:
        """Return the full id of the only execution whose id starts with `prefix`.

        A complete id wins over longer ones that start with it.

        Raises:
            ExecutionNotFound: None does.
            AmbiguousId: Several do.
        """
        ...

    async def executions(
        self,
        *,
        states: Sequence[TaskState] | None = None,
        principal: str | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> tuple[ExecutionRecord, ...]:
        """Return executions, newest first (by creation, then id).

        Args:
            states: Only these; None for all.
            principal: Only what this one submitted; None for everybody.
            before: Id of the last one of the previous page.
            limit: At most this many, 1 to 1,000.
        """
        ...

    async def unfinished(self) -> tuple[ExecutionRecord, ...]:
        """Return every execution whose state is not final, oldest first. Not paged: recovery."""
        ...

    async def count_unfinished(self, principal: str) -> int:
        """Return how many executions that `principal` submitted are not final."""
        ...

    async def tasks(self, execution_id: str) -> tuple[TaskRecord, ...]:
        """Return the tasks of an execution in list order.

        Raises:
            ExecutionNotFound: No such execution.
        """
        ...

    async def attempts(self, task_id: str) -> tuple[AttemptRecord, ...]:
        """Return a task's attempts, first to last; empty when there are none."""
        ...

    async def events(
        self, execution_id: str, *, after_seq: int = 0, limit: int = 1000
    ) -> tuple[Lifecycle, ...]:
        """Return lifecycle events with `seq > after_seq`, in order, without gaps."""
        ...

    async def reserve(self, attempt_id: str, asks: Sequence[Ask]) -> tuple[Hold, ...] | Short:
        """Hold something on every account for an attempt, in one transaction, or nothing on any.

        Whoever asks at once, in any process, is served one after the other. An attempt for which
        something is held already gets that.

        Args:
            attempt_id: The attempt; it need not be recorded yet.
            asks: One for each account.

        Returns:
            What is held, or where there is not enough.

        Raises:
            ValueError: The attempt was settled.
        """
        ...

    async def settle(self, attempt_id: str, used: Used | None) -> None:
        """Book what an attempt has used and give back the rest; again changes nothing.

        Args:
            attempt_id: The attempt; nothing may be held for it.
            used: None: it has not started, and may reserve again.
        """
        ...

    async def holds(self, attempt_id: str) -> tuple[Hold, ...]:
        """Return what is, or was, held for an attempt, by account; empty when nothing is."""
        ...

    async def accounts(self, names: Sequence[str]) -> tuple[Account, ...]:
        """Return accounts of budgets as they stand at the same moment, in the order of `names`.

        An account on which nothing was ever held is empty.
        """

    async def report_window(self, window: UsageWindow) -> None:
        """Remember a usage window of a login, in the place of what was reported of it before.

        Needs no lease. A report that was seen earlier than the one that is remembered changes
        nothing.
        """
        ...

    async def usage_windows(self, credential: str | None = None) -> tuple[UsageWindow, ...]:
        """Return what is known of a login's windows, by name; None: of every login's."""
        ...

    async def observations(
        self, agent: str, *, limit: int, of_one_prompt: int | None = None
    ) -> tuple[Observation, ...]:
        """Return what attempts of an agent took, newest first (by when it was recorded).

        They stay when the executions that they come from are gone.

        Args:
            agent: Name of the dialect.
            limit: At most this many, 1 to 10,000.
            of_one_prompt: At most this many with the same digest: one prompt that is run all day
                must not hide all others. Then the newest 5,000 are looked at. None: any number.
        """
        ...

    async def version(self) -> int:
        """Return a number that changes whenever anybody, in any process, has written.

        Cheap enough to ask ten times a second.
        """
        ...

    async def aclose(self) -> None:
        """Finish what was accepted and release everything. Calling it again does nothing."""
        ...
