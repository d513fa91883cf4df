from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig


@pytest.fixture
def rounds() -> int:
    """How many kills or cancels a test makes."""
    return int(os.environ.get("CC_EXECUTOR_CHAOS_ROUNDS", "200"))


@pytest.fixture
def chance() -> random.Random:
    """Chance with a seed that a failed run shows, so that it can be had again."""
    seed = int(os.environ.get("CC_EXECUTOR_CHAOS_SEED", "0")) or random.SystemRandom().getrandbits(
        32
    )
    print(f"CC_EXECUTOR_CHAOS_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    return random.Random(seed)


@pytest.fixture
def config(tmp_path: Path) -> CCExecutorConfig:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return CCExecutorConfig(home=home)
