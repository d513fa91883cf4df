from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.model.results import ExecutionResult
from cc_executor.testing.fake_cli import install
from cc_executor.testing.scripted_agent import Script

PYTHON = [sys.executable, "-I", "-S", "-c"]
ANSWER = {"result": "x", "summary": "x", "files_created": ["app.py"], "files_modified": []}
BUILDS = (
    Script()
    .claude_init()
    .write_file("app.py", "print('hello')\n")
    .claude_result("It is built.", structured_output=ANSWER)
)
PASSES = (
    Script().claude_init().claude_result("", structured_output={"verdict": "pass", "reason": "ok"})
)
LIST: list[dict[str, Any]] = [
    {
        "name": "app",
        "prompt": "Build it",
        "json_schema": {"type": "object"},
        "expects": {"files": ["app.py"]},
        "checks": [[*PYTHON, "print('checked')"]],
        "validation_prompt": "Is it good?",
        "env": {"SECRET": "hunter2"},
    },
    {
        "name": "noise",
        "command": [*PYTHON, "print('x' * 100_000)"],
        "expects": {"files": ["app.py"]},
    },
]


class Ran(NamedTuple):
    """An execution that has ended, and what can be asked about it."""

    executor: Executor
    result: ExecutionResult
    home: Path
    workspace: Path

    def folder(self, child: str) -> Path:
        """Return an attempt's, or a check's, folder; `child` is like `1/1` or `1/1-check-1`."""
        return self.home / "executions" / self.result.id / child


@pytest.fixture
def config(tmp_path: Path) -> CCExecutorConfig:
    home, workspace = tmp_path / "home", tmp_path / "workspace"
    home.mkdir(mode=0o700)
    workspace.mkdir()
    path = install(
        tmp_path / "claude",
        Script().exit(1),
        by_prompt={"Judge its work": PASSES, "Build it": BUILDS},
        lifetime_s=60,
    )
    return CCExecutorConfig(home=home, workspace=str(workspace), settings={"claude_bin": str(path)})


@pytest.fixture
async def ran(config: CCExecutorConfig) -> AsyncIterator[Ran]:
    async with Executor(config) as executor:
        result = await executor.run(LIST)
        assert result.ok, [task.outcome for task in result.tasks]
        assert config.workspace is not None
        yield Ran(executor, result, Path(str(config.home)), Path(config.workspace))
