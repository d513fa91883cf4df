"""Engines in processes of their own, with the module that the package starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.errors import SpawnFailed
from cc_executor.model.lifecycle import is_final
from cc_executor.model.records import Host
from cc_executor.process.detach import DetachedEngines, start_detached
from cc_executor.testing.contracts.engines import EnginesContract
from cc_executor.testing.scripted_agent import Script
from tests.process.support import until

if TYPE_CHECKING:
    from cc_executor.ports.engines import Engines
    from cc_executor.ports.journal import Owners


class DetachedBench:
    """A state directory of its own, and tasks that wait for a file."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        world = executor.engine._world
        self.engines: Engines = world.engines
        self.broken: Engines = DetachedEngines("no.such.module", "{}", log=folder / "broken.log")
        self.owners: Owners = world.owners
        self._executor = executor
        self._folder = folder
        self._submitted: list[str] = []

    async def submit(self) -> str:
        gate = self._folder / f"go-{len(self._submitted)}"
        command = Script().wait_for_file(gate).argv(lifetime_s=60)
        tasks = self._executor.task_list([{"command": command}], workspace=self._folder)
        execution = await self._executor.engine.enlist(tasks, host=Host.DETACHED)
        self._submitted.append(execution.id)
        return execution.id

    async def finish(self, execution_id: str) -> None:
        (self._folder / f"go-{self._submitted.index(execution_id)}").touch()
        await self._executor.wait(execution_id)

    async def is_final(self, execution_id: str) -> bool:
        store = self._executor.engine._world.store
        return is_final((await store.execution(execution_id)).state)

    async def aclose(self) -> None:
        for execution_id in self._submitted:
            await self.finish(execution_id)
            await until(partial(self._is_free, execution_id))

    def _is_free(self, execution_id: str) -> bool:
        return not self.owners.is_owned(execution_id)


class TestDetachedEngines(EnginesContract):
    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[DetachedBench]:
        home = tmp_path / "home"
        home.mkdir(mode=0o700)
        folder = tmp_path / "workspace"
        folder.mkdir()
        async with Executor(CCExecutorConfig(home=home)) as executor:
            bench = DetachedBench(executor, folder)
            yield bench
            await bench.aclose()


async def test_what_an_engine_that_could_not_start_complained_of_is_in_the_log(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"

    with pytest.raises(SpawnFailed, match=str(log)):
        await start_detached("no.such.module", ("e", "{}"), log=log)

    assert "no.such.module" in log.read_text() or "No module named" in log.read_text()


async def test_an_engine_that_is_never_ready_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cc_executor.process.detach._READY_TIMEOUT_S", 0.3)
    package = tmp_path / "slow"
    package.mkdir()
    (package / "sleeps_for_a_while.py").write_text(
        "import sys, time\n"
        "from cc_executor.process.detach import leave_parent\n"
        "leave_parent()\n"
        "time.sleep(2)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(package))

    with pytest.raises(SpawnFailed, match="not ready"):
        await start_detached("sleeps_for_a_while", ("e", "{}"), log=tmp_path / "log")


async def test_a_log_that_cannot_be_written_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(SpawnFailed, match="detached engine"):
        await start_detached("no.such.module", ("e", "{}"), log=tmp_path / "no" / "log")


async def test_starting_one_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(SpawnFailed):
            await start_detached("no.such.module", ("e", "{}"), log=tmp_path / "log")
    await asyncio.sleep(0)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
