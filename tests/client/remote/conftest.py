from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.process import ServerProcess


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    server = ServerProcess(folder, "--socket", str(folder / "socket"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that the test may kill."""
    server = ServerProcess(tmp_path)
    server.start()
    yield server
    server.close()


@pytest.fixture
def chance() -> random.Random:
    """Chance with a seed that a failed run shows, so that it can be had again."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)


@pytest.fixture
def rounds() -> int:
    """How much chaos a test makes."""
    return int(os.environ.get("CC_EXECUTOR_CHAOS_ROUNDS", "200"))
