"""FINDINGS R6: random cancels over the eight hostile behaviours leave nobody alive."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.errors import InvalidTransition
from cc_executor.testing.hostile import HOSTILE, LIFELINE
from cc_executor.testing.lifeline import is_held

SIDE_BY_SIDE = 4


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_random_cancels_leave_no_survivor(
    rounds: int, chance: random.Random, config: CCExecutorConfig, tmp_path: Path
) -> None:
    async with Executor(config) as executor:
        limit = asyncio.Semaphore(SIDE_BY_SIDE)
        plans = [
            (number, name, chance.uniform(0.0, 0.3), chance.random() < 0.2)
            for number, name in enumerate(chance.choices(tuple(HOSTILE), k=rounds))
        ]

        async def one(number: int, name: str, delay_s: float, *, now: bool) -> str | None:
            workspace = tmp_path / f"w{number}"
            workspace.mkdir()
            async with limit:
                submitted = await executor.submit(
                    [{"command": HOSTILE[name].argv(lifetime_s=120)}], workspace=workspace
                )
                await asyncio.sleep(delay_s)  # the moment is the chance here
                try:
                    await executor.cancel(submitted.id, now=now)
                except InvalidTransition:
                    assert name == "stdout_holder", name
                ended = await executor.wait(submitted.id)
            assert ended.is_final
            lifeline = workspace / LIFELINE
            return name if lifeline.exists() and is_held(lifeline) else None

        survivors = [
            name for name in await asyncio.gather(*(one(*p[:3], now=p[3]) for p in plans)) if name
        ]

    assert survivors == []
    assert len(plans) == rounds
