"""What runs away is stopped, whatever it is; its neighbour and the engine's loop do not notice."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.testing.lifeline import is_held

_HELD: Final = """
import fcntl, os, sys, time
line = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(line, fcntl.LOCK_EX)
"""
#: Each would take far more than its limit, and none can take much if nothing stops it.
_RUNAWAYS: Final = {
    "memory": "held = [b'x' * (8 << 20) for _ in range(60)]\ntime.sleep(60)",
    "processes": (
        "for _ in range(9):\n"
        "    try: os.fork()\n"
        "    except OSError: break\n"
        "    time.sleep(0.05)\n"
        "time.sleep(60)"
    ),
    "output": "block = b'x' * (1 << 16)\nfor _ in range(10 << 14): os.write(1, block)",
    "file_size": (
        "file = open('large', 'wb')\nwhile file.tell() < 256 << 20: file.write(b'x' * (1 << 20))"
    ),
    "disk": (
        "for n in range(64):\n"
        "    with open(f'part-{n}', 'wb') as file: file.write(b'x' * (4 << 20))\n"
        "time.sleep(60)"
    ),
    "files": (
        "for n in range(1_000_000):\n"
        "    os.close(os.open(f'file-{n}', os.O_CREAT | os.O_WRONLY))\n"
        "    if n == 40_000: time.sleep(60)"
    ),
}
_LIMITS: Final = {
    "memory": {"memory_mb": 128},
    "processes": {"processes": 24},
    "output": {"output_mb": 8},
    "file_size": {"file_size_mb": 16},
    "disk": {"disk_mb": 32},
    "files": {"files": 2_000},
}


def _task(name: str, workspace: Path) -> dict[str, Any]:
    (workspace / name).mkdir()
    return {
        "name": name,
        "command": [sys.executable, "-I", "-S", "-c", _HELD + _RUNAWAYS[name], "lifeline"],
        "workspace": name,
        "limits": _LIMITS[name],
        "needs": [],
        "timeout": 60,
    }


@contextlib.asynccontextmanager
async def _ticking() -> AsyncIterator[list[int]]:
    """Count the turns of this loop, in which the engine lives."""
    turns = [0]

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.01)
            turns[0] += 1

    task = asyncio.create_task(tick())
    try:
        yield turns
    finally:
        task.cancel()


@pytest.mark.parametrize("containment", ["auto", "scan"])
async def test_every_runaway_ends_with_its_limit_and_nobody_else_notices(
    config: CCExecutorConfig, workspace: Path, containment: str
) -> None:
    neighbour = (
        "import time\nfor n in range(20):\n    print(n, flush=True)\n    time.sleep(0.05)\n"
        "open('finished', 'w').close()"
    )
    confined = CCExecutorConfig(
        home=config.home,
        workspace=config.workspace,
        settings={"containment": containment, "max_concurrency": "7"},
    )
    tasks = [_task(name, workspace) for name in _RUNAWAYS]
    tasks.append({"name": "neighbour", "command": [sys.executable, "-c", neighbour], "needs": []})
    async with Executor(confined) as executor, _ticking() as turns:
        result = await executor.run({"tasks": tasks, "stop_on_failure": False})

    ended = {task.record.name: task.record for task in result.tasks}
    assert ended.pop("neighbour").state is TaskState.SUCCEEDED
    assert (workspace / "finished").exists()
    assert {
        name: (record.outcome.failure, record.outcome.detail)
        for name, record in ended.items()
        if record.outcome is not None
    } == {name: (Failure.RESOURCE_EXCEEDED, name) for name in _RUNAWAYS}
    assert [name for name in _RUNAWAYS if is_held(workspace / name / "lifeline")] == []
    assert turns[0] > 20  # the neighbour alone took a hundred times as long as one
