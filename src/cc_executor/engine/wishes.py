"""Wishes of whoever does not own an execution: recorded, told to its owner, waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cc_executor.engine.heir import Heir
from cc_executor.engine.run import Run
from cc_executor.engine.watch import Watch
from cc_executor.engine.world import World
from cc_executor.errors import InvalidTransition, NotResponding
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.records import ExecutionRecord, Host, Wish

#: How long a wish may take to show before the caller is told that nobody answers.
_WISH_TIMEOUT_S: Final = 60.0
_SETTLED: Final = {Wish.PAUSE: TaskState.PAUSED, Wish.RESUME: TaskState.RUNNING}


class Wishes:
    """Makes wishes come true.

    Args:
        world: The engine's world.
        watch: Tells of what other engines record.
        heir: Takes care of executions whose engines are dead.
        host: Where the engine lives.
        run_here: Returns the run of an execution that is owned here, None for others.
    """

    def __init__(
        self,
        world: World,
        watch: Watch,
        heir: Heir,
        *,
        host: Host,
        run_here: Callable[[str], Run | None],
    ) -> None:
        self._world = world
        self._watch = watch
        self._heir = heir
        self._host = host
        self._run_here = run_here

    async def make(
        self, execution_id: str, wish: Wish, *, task_id: str | None = None
    ) -> ExecutionRecord:
        """Record a wish, wake the owner, and return when it has come true.

        Raises:
            ExecutionNotFound, TaskNotFound: No such thing.
            InvalidTransition: It has ended already.
            NotResponding: The owner did not act within a minute; the wish stays recorded.
        """
        execution = await self._world.store.execution(execution_id)
        if is_final(execution.state):
            raise InvalidTransition(execution.state, wish)
        await self._world.store.request(
            execution_id, wish, task_id=task_id, at=self._world.clock.now_s()
        )
        await self._wake_owner(execution)
        try:
            async with asyncio.timeout(_WISH_TIMEOUT_S):
                return await self._until_true(execution_id, wish, task_id)
        except TimeoutError:
            raise NotResponding(f"the engine of {execution_id}", _WISH_TIMEOUT_S) from None

    async def _wake_owner(self, execution: ExecutionRecord) -> None:
        own = self._run_here(execution.id)
        if own is not None:
            own.wake()
        elif execution.owner is not None and await asyncio.to_thread(
            self._world.owners.is_owned, execution.id
        ):
            self._world.nudges.nudge(execution.owner)
        elif execution.host is Host.SERVER and self._host is Host.IN_PROCESS:
            await self._heir.detach(
                execution.id
            )  # its server is gone, and this cannot wait for the next
        else:  # nobody is there to hear it
            await self._heir.look_after(execution)

    async def _until_true(
        self, execution_id: str, wish: Wish, task_id: str | None
    ) -> ExecutionRecord:
        with self._watch.reading(execution_id) as signals:
            while True:
                ticket = signals.ticket()
                execution, tasks = await self._world.store.execution_with_tasks(execution_id)
                concerned = [task.state for task in tasks if task_id in (None, task.id)]
                if _has_come_true(wish, concerned):
                    return execution
                await signals.beyond(ticket)


def _has_come_true(wish: Wish, states: list[TaskState]) -> bool:
    if all(is_final(state) for state in states):
        return True  # it has ended first, or that was the wish
    if wish in _SETTLED:
        other = TaskState.RUNNING if wish is Wish.PAUSE else TaskState.PAUSED
        return other not in states
    return False
