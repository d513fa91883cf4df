"""Children that check what an attempt has done: supervised like it, one after the other.

What they print is kept beside the attempt's own journal, under its id and their name. An engine
that takes the attempt up takes up the check that runs, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cc_executor.engine.attempt import Attempt
from cc_executor.engine.prepare import prepare, within
from cc_executor.engine.settle import refused
from cc_executor.engine.verify import Ran
from cc_executor.engine.world import World
from cc_executor.errors import SpawnFailed
from cc_executor.model.budgets import Allowance
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Executed, Outcome
from cc_executor.model.specs import TaskSpec
from cc_executor.ports.process import StopReason

#: How often a check that never started is given another folder.
_MAX_FOLDERS: Final = 10


class Beside:
    """Runs checks and judges for one attempt.

    Args:
        world: The engine's world.
        attempt_id: The attempt that is checked.
        on_output: Called whenever there is more to read.
        take_over: Told of each child before it starts, so that wishes reach it.
        allowance: What each child may spend; None: as it likes.
    """

    def __init__(
        self,
        world: World,
        attempt_id: str,
        on_output: Callable[[], None],
        take_over: Callable[[Attempt, TaskSpec], Awaitable[None]],
        allowance: Allowance | None = None,
    ) -> None:
        self._world = world
        self._attempt_id = attempt_id
        self._on_output = on_output
        self._take_over = take_over
        self._allowance = allowance

    async def run(self, spec: TaskSpec, name: str) -> Ran:
        """Run a spec to its end, or take up where an earlier engine has left it.

        Raises:
            InvalidSpec, InvalidWorkspace, AgentNotInstalled, CommandNotAllowed: It cannot run.
        """
        for ident in self._folders(name):
            await self._world.foresight.look_up({spec.dialect})
            prepared = await asyncio.to_thread(prepare, self._world, spec, ident)
            prepared = within(prepared, self._allowance)
            folder = self._world.journals.folder(ident)
            attempt = Attempt(self._world, ident, folder, prepared, self._on_output)
            await self._take_over(attempt, spec)
            if not await asyncio.to_thread(folder.exists):
                return Ran(ident, await _run_to_end(attempt))
            found = await self._world.supervision.adopt(folder)
            if isinstance(found, Executed):
                return Ran(ident, await attempt.conclude(found))
            if found is not None:
                await attempt.attach(found)
                return Ran(ident, await attempt.finish())
        return Ran(self._attempt_id, refused(Failure.LOST, "it never started, again and again"))

    async def stop_what_runs(self, names: tuple[str, ...]) -> None:
        """End the children that an earlier engine has left, and start no other."""
        for name in names:
            for ident in self._folders(name):
                folder = self._world.journals.folder(ident)
                if not await asyncio.to_thread(folder.exists):
                    break
                found = await self._world.supervision.adopt(folder)
                if found is not None and not isinstance(found, Executed):
                    await found.stop(StopReason.ORPHANED, now=True)
                    await found.wait()

    def _folders(self, name: str) -> tuple[str, ...]:
        first = f"{self._attempt_id}-{name}"
        return (first, *(f"{first}-{number}" for number in range(2, _MAX_FOLDERS + 1)))


async def _run_to_end(attempt: Attempt) -> Outcome:
    try:
        await attempt.start()
    except SpawnFailed as refusal:
        return refused(Failure.START_FAILED, str(refusal))
    return await attempt.finish()
