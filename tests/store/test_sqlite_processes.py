from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest

from cc_executor.errors import AgentSessionBusy, StaleWrite
from cc_executor.store.sqlite import SqliteStore
from cc_executor.testing.contracts.store.samples import note, owned, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PROGRAM = Path(__file__).with_name("writing_process.py")
ROUNDS = int(os.environ.get("CC_EXECUTOR_CHAOS_ROUNDS", "50"))
WAIT_S = 20.0


class WritingProcess:
    """A process that writes, and what was acknowledged to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.acknowledged: list[int] = []

    @classmethod
    async def start(cls, database: Path, execution_id: str) -> WritingProcess:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, PROGRAM, database, execution_id, stdout=asyncio.subprocess.PIPE
            )
        )

    async def has_written(self, count: int) -> None:
        """Return once `count` writes were acknowledged to it."""
        while len(self.acknowledged) < count:
            self._note(await self._lines().readline())

    async def kill(self) -> None:
        """Kill it, and read what it still could say. A line that was cut off says nothing."""
        self._process.kill()
        for line in (await self._lines().read()).splitlines(keepends=True):
            self._note(line)
        assert await self._process.wait() == -signal.SIGKILL

    def _lines(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None
        return self._process.stdout

    def _note(self, line: bytes) -> None:
        assert line, "it ended by itself"
        if line.endswith(b"\n"):
            self.acknowledged.append(int(line.split()[1]))


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path)
    try:
        yield store
    finally:
        await store.aclose()


async def check(database: Path, acknowledged: Mapping[str, list[int]]) -> None:
    """Check that the file is whole, and that each write is there wholly or not at all."""
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)
    assert connection.pragma("integrity_check") == "ok"
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    async with opened(database) as store:
        for execution_id, numbers in acknowledged.items():
            events = await store.events(execution_id, limit=1_000_000)
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            written = [event.data["number"] for event in events[1:]]
            assert written[::2] == written[1::2]
            assert set(numbers) <= set(written)
            assert len(set(written)) == len(written) / 2


async def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    database = tmp_path / "store.sqlite"
    async with asyncio.timeout(WAIT_S):
        # None of them finds a file: making it is part of the race.
        writers = {f"run{n}": await WritingProcess.start(database, f"run{n}") for n in range(4)}
        await asyncio.gather(*(writer.has_written(100) for writer in writers.values()))
        await asyncio.gather(*(writer.kill() for writer in writers.values()))
    await check(database, {name: writer.acknowledged for name, writer in writers.items()})


@pytest.mark.chaos
@pytest.mark.timeout(60 + 5 * ROUNDS)
async def test_killing_writers_at_any_moment_loses_nothing_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    seed = os.environ.get("CC_EXECUTOR_CHAOS_SEED") or str(random.SystemRandom().getrandbits(32))
    print(f"CC_EXECUTOR_CHAOS_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)
    database = tmp_path / "store.sqlite"
    for number in range(ROUNDS):
        acknowledged: dict[str, list[int]] = defaultdict(list)
        async with asyncio.timeout(WAIT_S):
            writers = {
                execution_id: await WritingProcess.start(database, execution_id)
                for execution_id in (f"a{number}", f"b{number}")
            }
            for execution_id, writer in writers.items():
                await writer.has_written(chance.randint(0, 60))
                await writer.kill()
                acknowledged[execution_id] = writer.acknowledged
        await check(database, acknowledged)


async def test_two_openings_of_one_file_are_one_store(tmp_path: Path) -> None:
    async with opened(tmp_path / "s.sqlite") as one, opened(tmp_path / "s.sqlite") as two:
        lease = await owned(one)
        versions = [await two.version()]
        await one.record(lease, *started("run.1", session="s"))
        versions.append(await two.version())
        other = await owned(two, "other")
        with pytest.raises(AgentSessionBusy):
            await two.record(other, *started("other.1", session="s"))
        await two.take("run", "another engine")
        with pytest.raises(StaleWrite):
            await one.record(lease, note())
        assert await one.events("run") == await two.events("run")
    assert versions[0] != versions[1]


@pytest.mark.parametrize("how", ["idle", "writing"])
async def test_an_interpreter_that_forgets_to_close_ends_all_the_same(
    tmp_path: Path, how: str
) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from cc_executor.store.sqlite import SqliteStore
from cc_executor.testing.contracts.store.samples import new_execution, owned

async def main():
    global store
    store = await SqliteStore.open(Path(sys.argv[1]))
    await owned(store)
    if sys.argv[2] == "writing":
        asyncio.ensure_future(store.create(*new_execution("large", tasks=2_000)))
        await asyncio.sleep(0)

asyncio.run(main())
"""
    database = tmp_path / "store.sqlite"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", program, database, how),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(WAIT_S):
        said, _ = await process.communicate()
    assert (process.returncode, said) == (0, b"")
    await check(database, {"run": []})
