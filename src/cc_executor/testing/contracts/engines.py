"""What `ports.engines.Engines` promises."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Protocol

import pytest

from cc_executor.errors import SpawnFailed
from cc_executor.ports.engines import Engines
from cc_executor.ports.journal import Owners

_BOUND_S = 30.0


class EnginesBench(Protocol):
    """Engines, and executions for them."""

    @property
    def engines(self) -> Engines:
        """What is to be tested."""
        ...

    @property
    def broken(self) -> Engines:
        """The same, where no engine can be started."""
        ...

    @property
    def owners(self) -> Owners:
        """Who owns which execution, as somebody else sees it."""
        ...

    async def submit(self) -> str:
        """Record an execution that nobody owns and that goes on until `finish`; return its id."""
        ...

    async def finish(self, execution_id: str) -> None:
        """Let it come to its end."""
        ...

    async def is_final(self, execution_id: str) -> bool:
        """Tell whether it has."""
        ...


class EnginesContract:
    """Subclass it and give it a fixture `bench`: an `EnginesBench`, which cleans up after itself."""

    async def test_when_it_returns_the_execution_has_an_owner_that_is_not_this_process(
        self, bench: EnginesBench
    ) -> None:
        execution_id = await bench.submit()
        assert not await asyncio.to_thread(bench.owners.is_owned, execution_id)

        pid = await bench.engines.start(execution_id)

        assert await asyncio.to_thread(bench.owners.is_owned, execution_id)
        assert pid != os.getpid()
        os.kill(pid, 0)  # it lives
        await bench.finish(execution_id)

    async def test_it_carries_the_execution_to_its_end_and_ends_itself(
        self, bench: EnginesBench
    ) -> None:
        execution_id = await bench.submit()
        pid = await bench.engines.start(execution_id)
        assert not await bench.is_final(execution_id)

        await bench.finish(execution_id)

        await _until(lambda: not _exists(pid))
        assert await bench.is_final(execution_id)
        assert not await asyncio.to_thread(bench.owners.is_owned, execution_id)

    async def test_it_is_nobodys_child(self, bench: EnginesBench) -> None:
        execution_id = await bench.submit()

        pid = await bench.engines.start(execution_id)

        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - WNOHANG does not wait
        assert os.getsid(pid) != os.getsid(0)
        await bench.finish(execution_id)

    async def test_an_execution_that_another_one_has_is_left_to_that_one(
        self, bench: EnginesBench
    ) -> None:
        execution_id = await bench.submit()
        owner = await bench.engines.start(execution_id)

        late = await bench.engines.start(execution_id)

        await _until(lambda: not _exists(late))  # it had nothing to do
        assert _exists(owner)
        assert await asyncio.to_thread(bench.owners.is_owned, execution_id)
        await bench.finish(execution_id)
        await _until(lambda: not _exists(owner))
        assert await bench.is_final(execution_id)

    async def test_of_many_that_are_started_at_once_one_has_it(self, bench: EnginesBench) -> None:
        execution_id = await bench.submit()

        pids = await asyncio.gather(*(bench.engines.start(execution_id) for _ in range(3)))

        assert len(set(pids)) == 3
        await _until(lambda: sum(map(_exists, pids)) == 1)
        assert await asyncio.to_thread(bench.owners.is_owned, execution_id)
        await bench.finish(execution_id)
        await _until(lambda: not any(map(_exists, pids)))

    async def test_one_that_cannot_be_started_is_told_and_leaves_the_execution_to_the_next(
        self, bench: EnginesBench
    ) -> None:
        execution_id = await bench.submit()

        with pytest.raises(SpawnFailed):
            await bench.broken.start(execution_id)

        assert not await asyncio.to_thread(bench.owners.is_owned, execution_id)
        await bench.engines.start(execution_id)
        assert await asyncio.to_thread(bench.owners.is_owned, execution_id)
        await bench.finish(execution_id)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds: a process that is nobody's child tells nobody."""
    gives_up_at = time.monotonic() + _BOUND_S
    while not condition():
        assert time.monotonic() < gives_up_at, "it never came to be"
        await asyncio.sleep(0.01)
