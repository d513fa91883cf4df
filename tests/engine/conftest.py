from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.testing.fake_cli import install
from cc_executor.testing.scripted_agent import Script

InstallClaude = Callable[..., CCExecutorConfig]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def config(home: Path, workspace: Path) -> CCExecutorConfig:
    return CCExecutorConfig(home=home, workspace=str(workspace))


@pytest.fixture
async def executor(config: CCExecutorConfig) -> AsyncIterator[Executor]:
    async with Executor(config) as opened:
        yield opened


@pytest.fixture
def claude(tmp_path: Path, home: Path, workspace: Path) -> InstallClaude:
    """Puts a scripted agent in the place of the Claude CLI; returns a configuration with it."""

    def put(otherwise: Script, by_prompt: dict[str, Script] | None = None) -> CCExecutorConfig:
        path = install(tmp_path / "claude", otherwise, by_prompt=by_prompt, lifetime_s=60)
        return CCExecutorConfig(
            home=home,
            workspace=str(workspace),
            settings={"claude_bin": str(path)},
        )

    return put
