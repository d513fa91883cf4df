"""Runs the bundled Claude Code CLI in a clean environment, for the tests beside this file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cc_executor.testing.claude_cli import bundled_claude, offline_environment
from cc_executor.testing.model_api import ModelApi

BOUND_S = 30.0


@dataclass(frozen=True)
class Run:
    """What one run of the CLI printed, and how it ended."""

    exit_code: int
    messages: tuple[dict[str, Any], ...]
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        (result,) = self.of_type("result")
        return result

    @property
    def last_result_text(self) -> str:
        """What the last tool gave back to the model."""
        content = self.of_type("user")[-1]["message"]["content"][-1]["content"]
        assert isinstance(content, str)
        return content

    def of_type(self, kind: str, subtype: str | None = None) -> list[dict[str, Any]]:
        return [
            message
            for message in self.messages
            if message["type"] == kind and subtype in (None, message.get("subtype"))
        ]


@dataclass(frozen=True)
class Claude:
    """The CLI with its own home and workspace below `folder`, talking to `api`."""

    api: ModelApi
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def start(self, *flags: str) -> subprocess.Popen[bytes]:
        self.workspace.mkdir(parents=True, exist_ok=True)
        environment = offline_environment(self.folder / "home", self.api.base_url)
        return subprocess.Popen(
            [str(bundled_claude()), "-p", "--output-format", "stream-json", "--verbose", *flags],
            cwd=self.workspace,
            env=environment | dict(self.variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, prompt: str, *flags: str) -> Run:
        return finished(self.start(*flags), prompt)


def is_on_disk(home: Path, session_id: str) -> bool:
    """Tell whether the CLI has written down that a tool runs: only then can it be resumed.

    It does so a moment after the tool has started. Killed before, it leaves no session at all.
    """
    return any(b"tool_use" in path.read_bytes() for path in home.rglob(f"{session_id}.jsonl"))


def finished(process: subprocess.Popen[bytes], prompt: str | None = None) -> Run:
    """Wait for the end of `process`, and kill it if that does not come."""
    try:
        out, err = process.communicate(None if prompt is None else prompt.encode(), timeout=BOUND_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    messages = tuple(json.loads(line) for line in out.splitlines())
    return Run(process.returncode, messages, err.decode())
