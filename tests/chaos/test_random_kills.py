"""Promise 1: `kill -9` of anything of ours, at any moment, loses nothing and starts nothing twice."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.model.records import Host
from cc_executor.testing.lifeline import is_held

SIDE_BY_SIDE = 4
# Notes its attempt, keeps a lock for as long as it lives, and takes a moment.
CODE = """
import fcntl, os, time
os.write(os.open("starts", os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600),
         (os.environ["CC_EXECUTOR_ATTEMPT"] + "\\n").encode())
held = os.open("lifeline", os.O_CREAT | os.O_RDWR, 0o600)
fcntl.flock(held, fcntl.LOCK_SH)
print("working", flush=True)
time.sleep(0.05)
"""
TASK: dict[str, Any] = {"command": [sys.executable, "-I", "-S", "-c", CODE]}


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in listed.split()]
    return []


def family(pid: int) -> list[int]:
    """Return the process and all its descendants: engine, spawner, supervisors, agents."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def check_everything(
    executor: Executor, ids: list[str], workspace: Path, home: Path
) -> collections.Counter[str]:
    states: collections.Counter[str] = collections.Counter()
    for execution_id in ids:
        ended = await executor.get(execution_id)
        assert ended.is_final, f"{execution_id} is stuck: {ended.state}"
        states.update(str(task.state) for task in ended.tasks)
    starts = (workspace / "starts").read_text().split()
    twice = [attempt for attempt, times in collections.Counter(starts).items() if times > 1]
    assert twice == []
    assert not is_held(workspace / "lifeline")
    connection = apsw.Connection(str(home / "state.db"))
    try:
        assert list(connection.execute("PRAGMA integrity_check")) == [("ok",)]
    finally:
        connection.close()
    return states


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victims", ["engine", "anything"])
async def test_random_kills_lose_nothing_and_start_nothing_twice(
    victims: str, rounds: int, chance: random.Random, config: CCExecutorConfig, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    assert config.home is not None
    kills = 0
    acknowledged: list[str] = []

    async with Executor(config) as executor:

        async def one() -> None:
            nonlocal kills
            task_list = executor.task_list([TASK, TASK, TASK], workspace=workspace)
            execution = await executor.engine.enlist(task_list, host=Host.DETACHED)
            acknowledged.append(execution.id)
            for _ in range(chance.randint(1, 4)):
                pid = await executor.engine.detach(execution.id)
                await asyncio.sleep(chance.uniform(0.0, 0.25))  # the moment is the chance here
                kill(pid if victims == "engine" else chance.choice(family(pid)))
                kill(pid)
                kills += 1
            while not (await executor.get(execution.id)).is_final:
                with contextlib.suppress(Exception):
                    await executor.engine.detach(execution.id)
                async with asyncio.timeout(60):
                    await executor.wait(execution.id, cancel_with_caller=False)

        while kills < rounds:
            await asyncio.gather(*(one() for _ in range(SIDE_BY_SIDE)))
        states = await check_everything(executor, acknowledged, workspace, Path(config.home))

    assert kills >= rounds
    if victims == "engine":
        # Supervisors outlive their engine: a killed engine costs nothing at all.
        assert set(states) == {"succeeded"}
