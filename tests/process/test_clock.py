from __future__ import annotations

import time

import pytest

from cc_executor.process.clock import SystemClock
from cc_executor.testing.contracts.clock import ClockContract


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> SystemClock:
        return SystemClock()


def test_it_says_what_the_system_says() -> None:
    before = time.time()
    said = SystemClock().now_s()
    assert before <= said <= time.time()
