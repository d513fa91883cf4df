"""What dead engines have left, and who takes it up."""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import Final, Protocol

from cc_executor.engine.world import World
from cc_executor.errors import ExecutionNotFound, SpawnFailed
from cc_executor.model.ids import execution_of
from cc_executor.model.lifecycle import is_final
from cc_executor.model.records import ExecutionRecord, Host, Lease
from cc_executor.ports.journal import Ownership

_log = logging.getLogger(__name__)

#: How many executions are taken up side by side: the store commits what comes together at once.
_TAKEN_UP_AT_ONCE: Final = 16


class _Care(Enum):
    """What an engine does with an execution whose own engine is dead."""

    SETTLE = auto()  # stop what still runs, skip what waited: its caller is gone, too
    CARRY_ON = auto()
    DETACH = auto()  # have an engine process of its own carry on
    LEAVE = auto()  # to the next server, or to the next one who looks


#: By where the engine lives and where the dead one lived. An engine that was started for one
#: execution starts no other: were it to fail, each failure would start the next.
_CARE: Final = {
    (Host.IN_PROCESS, Host.IN_PROCESS): _Care.SETTLE,
    (Host.IN_PROCESS, Host.DETACHED): _Care.DETACH,
    (Host.SERVER, Host.IN_PROCESS): _Care.SETTLE,
    (Host.SERVER, Host.DETACHED): _Care.DETACH,
    (Host.SERVER, Host.SERVER): _Care.CARRY_ON,
    (Host.DETACHED, Host.IN_PROCESS): _Care.SETTLE,
}


class Runs(Protocol):
    """What an heir asks of its engine."""

    def knows(self, execution_id: str) -> bool:
        """Tell whether the execution runs here, or ended here in a way that nobody was told yet."""
        ...

    def carry(
        self, execution: ExecutionRecord, lease: Lease, ownership: Ownership, *, carry_on: bool
    ) -> None:
        """Run what is left of an execution, or with `carry_on` false only settle it."""
        ...


class Heir:
    """Takes care of the executions whose engines are dead.

    Args:
        world: The engine's world.
        engine_id: Its name, as the new owner.
        host: Where it lives.
        runs: What runs in it.
    """

    def __init__(self, world: World, *, engine_id: str, host: Host, runs: Runs) -> None:
        self._world = world
        self._engine_id = engine_id
        self._host = host
        self._runs = runs

    async def adopt(self, execution_id: str) -> bool:
        """Take an execution whose owner is gone and carry on with it here.

        Returns:
            False when a living engine owns it, or it has ended.
        """
        return await self._take(execution_id, carry_on=True)

    async def detach(self, execution_id: str) -> int:
        """Have an execution that nobody owns adopted by an engine process of its own.

        Returns:
            The process id of that engine.

        Raises:
            SpawnFailed: It could not be started; the next engine will take the execution up.
        """
        return await self._world.engines.start(execution_id)

    async def recover(self) -> None:
        """Take care of everything that dead engines have left."""
        room = asyncio.Semaphore(_TAKEN_UP_AT_ONCE)

        async def take_up(execution: ExecutionRecord) -> None:
            async with room:
                try:
                    await self.look_after(execution)
                except SpawnFailed:  # somebody else's: it must not fail whoever only wants to look
                    _log.warning("no engine could be started", extra={"execution_id": execution.id})

        left = await self._world.store.unfinished()
        for refused in await asyncio.gather(*map(take_up, left), return_exceptions=True):
            if isinstance(refused, BaseException):
                raise refused

        await self._clear_grounds()

    async def _clear_grounds(self) -> None:
        """Remove copies and worktrees whose engine died between the end of a task and this."""
        for task_id in await asyncio.to_thread(self._world.grounds.uncleared):
            try:
                execution = await self._world.store.execution(execution_of(task_id))
            except ExecutionNotFound:  # not of this store: nobody knows what it is worth
                continue
            tasks = await self._world.store.tasks(execution.id)
            if any(one.id == task_id and is_final(one.state) for one in tasks):
                await asyncio.to_thread(self._world.grounds.clear, task_id)

    async def look_after(self, execution: ExecutionRecord) -> None:
        """Take care of an execution if its engine is dead, as `_CARE` says."""
        if self._runs.knows(execution.id) or is_final(execution.state):
            return
        if await asyncio.to_thread(self._world.owners.is_owned, execution.id):
            return
        match _CARE.get((self._host, execution.host), _Care.LEAVE):
            case _Care.SETTLE:
                await self._take(execution.id, carry_on=False)
            case _Care.CARRY_ON:
                await self._take(execution.id, carry_on=True)
            case _Care.DETACH:
                await self.detach(execution.id)
            case _Care.LEAVE:
                pass

    async def _take(self, execution_id: str, *, carry_on: bool) -> bool:
        ownership = await asyncio.to_thread(self._world.owners.acquire, execution_id)
        if ownership is None:
            return False
        try:
            execution = await self._world.store.execution(execution_id)
            if is_final(execution.state):
                ownership.release()
                return False
            lease = await self._world.store.take(execution_id, self._engine_id)
        except BaseException:
            ownership.release()
            raise
        self._runs.carry(execution, lease, ownership, carry_on=carry_on)
        return True
