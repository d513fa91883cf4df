"""How far an execution is, for whoever has not followed it from its beginning."""

from __future__ import annotations

import contextlib

from cc_executor.engine.follow import follow, head
from cc_executor.engine.watch import Watch
from cc_executor.engine.world import World
from cc_executor.model.progress import ExecutionProgress, Progress


async def progress(
    world: World, watch: Watch, execution_id: str, *, at: float
) -> tuple[Progress, ...]:
    """Return how far each task of an execution is, whoever runs it.

    Reads the records, and the output of the agents that run now.

    Args:
        world: The engine's world.
        watch: Its watch.
        execution_id: Which execution.
        at: Now, in seconds since the epoch.
    """
    board = ExecutionProgress(await world.store.tasks(execution_id))
    stream = follow(
        world,
        watch,
        execution_id,
        after=await head(world, execution_id),
        agent_events=False,
        until_end=False,
        seen=board.take,
    )
    async with contextlib.aclosing(stream) as batches:
        async for _ in batches:
            pass  # what has come since the head; the board has seen it
    return board.all(at=at)
