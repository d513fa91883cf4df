"""The real Claude Code CLI under limits: it works within them, and what its tools start counts."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from cc_executor.model.failures import Failure
from cc_executor.testing.model_api import say, use
from tests.engine.test_real_claude import PROMPT, WRITE, outcome_of, stage

pytestmark = pytest.mark.real_cli

#: Several times what it takes (measured with 2.1.330: 120 to 225 MiB, 9 threads).
ENOUGH = {
    "memory_mb": 600,
    "processes": 100,
    "file_size_mb": 64,
    "output_mb": 16,
    "disk_mb": 64,
    "files": 1000,
}


async def test_it_works_within_its_limits_and_every_one_of_them_is_kept(tmp_path: Path) -> None:
    bash = use("Bash", command="sleep 0.5; echo made > other.txt", description="make")
    async with stage(tmp_path, WRITE, bash, say("Done.")) as on:
        outcome = outcome_of(await on.run(limits=ENOUGH, allowed_tools=["Bash"]))

    assert outcome.ok, outcome
    assert outcome.executed is not None
    assert set(outcome.executed.enforcement) == {
        *("memory", "processes", "file_size", "output", "disk", "files")
    }
    assert outcome.executed.memory_peak_bytes is not None


@pytest.mark.parametrize(
    ("limit", "program"),
    [
        ("memory", "import time; held = b'x' * (700 << 20); time.sleep(60)"),
        ("files", "[open(f'f{n}', 'w').close() for n in range(3000)]; import time; time.sleep(60)"),
    ],
)
async def test_what_its_tools_start_is_charged_to_it(
    tmp_path: Path, limit: str, program: str
) -> None:
    command = shlex.join((sys.executable, "-c", program))
    bash = use("Bash", command=command, description="take much")
    async with stage(tmp_path, bash, say("Done.")) as on:
        outcome = outcome_of(await on.run(PROMPT, limits=ENOUGH, allowed_tools=["Bash"]))

    assert (outcome.failure, outcome.detail) == (Failure.RESOURCE_EXCEEDED, limit)
    assert outcome.claimed.text is None
