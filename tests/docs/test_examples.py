"""The examples do what they say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.server.process import ServerProcess

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
PLAIN: Final = EXAMPLES / "plain_websockets.py"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path)
    server.start()
    yield server
    server.close()


def run(server: ServerProcess, *command: str) -> subprocess.CompletedProcess[str]:
    token = (server.home / "token").read_text().strip()
    return subprocess.run(
        [sys.executable, PLAIN, server.url, *command],
        env={"TOKEN": token, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_plain_websockets_are_enough(server: ServerProcess) -> None:
    ran = run(server, "seq", "1", "20000")
    failed = run(server, "false")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "".join(f"{n}\n" for n in range(1, 20_001))
    assert failed.returncode == 1
    assert "failed" in failed.stderr


def test_the_example_without_our_client_has_at_most_15_lines() -> None:
    lines = PLAIN.read_text().splitlines()
    code = [
        line for line in lines if line.strip() and not line.startswith(('"""', "from __future"))
    ]

    assert len(code) <= 15
    assert "cc_executor" not in "".join(code)
