"""What the store knows of an execution, in one value."""

from __future__ import annotations

from typing import Final

from cc_executor.model.bundles import Evidence
from cc_executor.model.events import Lifecycle
from cc_executor.model.records import AttemptRecord
from cc_executor.ports.store import Store

_PAGE: Final = 1000


async def gather(store: Store, execution_id: str) -> Evidence:
    """Return everything that is recorded about an execution.

    Raises:
        ExecutionNotFound: No such execution.
    """
    execution = await store.execution(execution_id)
    tasks = await store.tasks(execution_id)
    attempts: list[AttemptRecord] = []
    for task in tasks:
        if task.attempts:
            attempts.extend(await store.attempts(task.id))
    events: list[Lifecycle] = []
    while page := await store.events(execution_id, after_seq=len(events), limit=_PAGE):
        events.extend(page)
    return Evidence(
        execution=execution, tasks=tasks, attempts=tuple(attempts), events=tuple(events)
    )
