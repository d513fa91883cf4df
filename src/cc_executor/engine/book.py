"""Writing down moves under the lease of one execution."""

from __future__ import annotations

from collections.abc import Callable

from cc_executor.engine.world import World
from cc_executor.errors import InvalidTransition
from cc_executor.model.lifecycle import Move
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import Change, Lease, TaskMoved


class Book:
    """The only writer of an execution's moves while its lease is current.

    Args:
        world: The engine's world.
        lease: The right to write.
        on_change: Called after every write.
    """

    def __init__(self, world: World, lease: Lease, on_change: Callable[[], None]) -> None:
        self._world = world
        self._lease = lease
        self.on_change = on_change

    def now_s(self) -> float:
        """Return seconds since the epoch, UTC."""
        return self._world.clock.now_s()

    async def record(self, *changes: Change) -> None:
        """Make the changes durable, all or none.

        Raises:
            StaleWrite: The execution has another owner now.
            InvalidTransition: The law does not allow a move.
        """
        await self._world.store.record(self._lease, *changes)
        self.on_change()

    async def move(self, task_id: str, move: Move, outcome: Outcome | None = None) -> None:
        """Record one move of a task."""
        await self.record(TaskMoved(task_id=task_id, move=move, at=self.now_s(), outcome=outcome))

    async def move_if_allowed(self, task_id: str, move: Move) -> None:
        """Record a move that something else may have overtaken (it ended while being paused)."""
        try:
            await self.move(task_id, move)
        except InvalidTransition:
            self.on_change()
