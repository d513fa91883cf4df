"""Writing down moves under the lease of one execution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from cc_executor.engine.world import World
from cc_executor.errors import InvalidTransition
from cc_executor.model.lifecycle import Move
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import (
    Change,
    ExecutionRecord,
    Lease,
    Noted,
    TaskMoved,
    TaskRecord,
    changed,
)


class Book:
    """The only writer of an execution's moves while its lease is current.

    So it knows how the tasks stand without asking. A new execution is created by the first entry,
    in one transaction with it.

    Args:
        world: The engine's world.
        execution: The execution.
        lease: The right to write.
        on_change: Called after every write.
        on_output: Called whenever an attempt has more output to read.
        new_tasks: The tasks of an execution that is not created yet; None: it is in the store.

    Attributes:
        created: Done when the execution is in the store.
    """

    def __init__(
        self,
        world: World,
        execution: ExecutionRecord,
        lease: Lease,
        on_change: Callable[[], None],
        on_output: Callable[[], None],
        *,
        new_tasks: Sequence[TaskRecord] | None,
    ) -> None:
        self._world = world
        self._execution = execution
        self._lease = lease
        self.on_change = on_change
        self.on_output = on_output
        self._tasks = {task.id: task for task in new_tasks or ()}
        self._turn = asyncio.Lock()  # only one entry can be the first
        self.created: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if new_tasks is None:
            self.created.set_result(None)

    @property
    def execution(self) -> ExecutionRecord:
        """The execution, as it was when this began."""
        return self._execution

    def now_s(self) -> float:
        """Return seconds since the epoch, UTC."""
        return self._world.clock.now_s()

    async def tasks(self) -> tuple[TaskRecord, ...]:
        """Return the tasks as they stand, in list order."""
        if not self._tasks:
            found = await self._world.store.tasks(self._execution.id)
            self._tasks = {task.id: task for task in found}
        return tuple(self._tasks.values())

    def known_tasks(self) -> Collection[TaskRecord]:
        """Return the tasks as they stand, in list order; none before they were first asked for."""
        return self._tasks.values()

    async def create(self) -> None:
        """Create the execution if no entry has done so.

        Raises:
            DuplicateExecution: Its id is taken.
        """
        if not self.created.done():
            await self.record()

    async def record(self, *changes: Change) -> None:
        """Make the changes durable, all or none.

        Raises:
            StaleWrite: The execution has another owner now.
            InvalidTransition: The law does not allow a move.
            DuplicateExecution: This would be the first entry, and its id is taken.
        """
        if self.created.done():
            await self._world.store.record(self._lease, *changes)
        else:
            await self._record_first(changes)
        for change in changes:
            if not isinstance(change, Noted) and change.task_id in self._tasks:
                self._tasks[change.task_id] = changed(self._tasks[change.task_id], change)
        self.on_change()

    async def _record_first(self, changes: Sequence[Change]) -> None:
        async with self._turn:
            if self.created.done():
                await self._world.store.record(self._lease, *changes)
                return
            await self._world.store.create(self._execution, tuple(self._tasks.values()), *changes)
            self.created.set_result(None)

    async def move(self, task_id: str, move: Move, outcome: Outcome | None = None) -> None:
        """Record one move of a task."""
        await self.record(TaskMoved(task_id=task_id, move=move, at=self.now_s(), outcome=outcome))

    async def move_if_allowed(self, task_id: str, move: Move) -> None:
        """Record a move that something else may have overtaken (it ended while being paused)."""
        try:
            await self.move(task_id, move)
        except InvalidTransition:
            self.on_change()
