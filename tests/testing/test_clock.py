from __future__ import annotations

import pytest

from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.clock import ClockContract


class TestManualClock(ClockContract):
    @pytest.fixture(params=[None, 7], ids=["by chance", "by seed"])
    def clock(self, request: pytest.FixtureRequest) -> ManualClock:
        return ManualClock(seed=request.param)


def test_it_stands_until_it_is_told_otherwise() -> None:
    clock = ManualClock(1_700_000_000.0)
    assert {clock.now_s() for _ in range(100)} == {1_700_000_000.0}

    clock.advance(2.5)
    clock.advance(-1)

    assert clock.now_s() == 1_700_000_001.5


def test_clocks_with_one_seed_have_the_same_chance() -> None:
    one, same, other = (ManualClock(seed=seed) for seed in (1, 1, 2))

    assert [one.entropy(7), one.entropy(3)] == [same.entropy(7), same.entropy(3)]
    assert one.entropy(7) != other.entropy(7)
