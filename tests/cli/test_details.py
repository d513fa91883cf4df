from __future__ import annotations

import pytest

from cc_executor.cli.render.details import executed, timer
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.model.timers import Timing


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (Executed(ended_by=EndedBy.EXIT, exit_code=3), "ended by exit, exit code 3"),
        (
            Executed(ended_by=EndedBy.CANCEL, signal="SIGKILL", rung="kill", swept=2),
            "ended by cancel, SIGKILL, stopped at: kill, 2 left-over processes killed",
        ),
        (
            Executed(ended_by=EndedBy.LOST, swept=2),
            "ended by lost, at least 2 left-over processes killed",
        ),
        (
            Executed(ended_by=EndedBy.LOST, error="its supervisor died"),
            "ended by lost, its supervisor died",
        ),
    ],
)
def test_what_the_supervisor_saw_is_said_in_a_few_words(seen: Executed, says: str) -> None:
    assert executed(seen) == says


@pytest.mark.parametrize(
    ("timing", "says"),
    [
        (Timing(name="queue", bound_s=None, ran_s=0.52), "queue: 0.5 s"),
        (Timing(name="idle", bound_s=900, ran_s=12), "idle: 12 s of 15 min 00 s"),
        (
            Timing(name="total", bound_s=5, ran_s=5.01, expired=True),
            "total: 5.0 s of 5.0 s, expired",
        ),
    ],
)
def test_a_timer_says_how_long_it_ran_and_what_its_bound_was(timing: Timing, says: str) -> None:
    assert timer(timing) == says
