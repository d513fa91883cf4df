"""A process that writes to a database until it is killed: `writing_process.py DATABASE EXECUTION`.

It prints a line per write that was acknowledged to it: the execution and the write's number. Each
write makes two events that carry that number.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from cc_executor.model.lifecycle import TaskState
from cc_executor.model.records import ExecutionRecord, Host, Lease, Noted, TaskRecord
from cc_executor.model.specs import TaskList, TaskSpec
from cc_executor.store.sqlite import SqliteStore

AT = 1_700_000_000.0
CALLERS = 4


async def main(database: Path, execution_id: str) -> None:
    store = await SqliteStore.open(database)
    lease = await create(store, execution_id)
    numbers = count()
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(write_for_ever(store, lease, numbers))


async def create(store: SqliteStore, execution_id: str) -> Lease:
    spec = TaskSpec(name="only", command=("true",))
    execution = ExecutionRecord(
        id=execution_id,
        host=Host.DETACHED,
        state=TaskState.QUEUED,
        task_list=TaskList(tasks=(spec,), workspace="/workspace"),
        created_at=AT,
    )
    task = TaskRecord(id=f"{execution_id}.1", execution_id=execution_id, number=1, spec=spec)
    await store.create(execution, [task])
    return await store.take(execution_id, "writing process")


async def write_for_ever(store: SqliteStore, lease: Lease, numbers: count[int]) -> None:
    for number in numbers:
        change = Noted(kind="write.noted", at=AT, data={"number": number})
        await store.record(lease, change, change)
        print(lease.execution_id, number, flush=True)  # noqa: T201 - its parent reads it


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
