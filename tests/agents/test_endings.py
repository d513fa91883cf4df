from __future__ import annotations

import pytest

from cc_executor.agents.endings import ENDINGS, ended_from_outside
from cc_executor.model.outcomes import EndedBy, Executed


def test_every_way_to_end_has_a_row() -> None:
    assert set(ENDINGS) == set(EndedBy)


@pytest.mark.parametrize("ended_by", EndedBy)
def test_an_end_is_either_judged_by_the_dialect_or_explained(ended_by: EndedBy) -> None:
    verdict = ended_from_outside(Executed(ended_by=ended_by))

    assert (verdict is None) == (ended_by in (EndedBy.EXIT, EndedBy.GRACE))
    assert verdict is None or verdict.message


def test_a_verdict_says_which_timer_which_limit_and_what_the_system_said() -> None:
    told = [
        ended_from_outside(executed)
        for executed in (
            Executed(ended_by=EndedBy.TIMER, timer="start"),
            Executed(ended_by=EndedBy.TIMER, timer="first_byte"),
            Executed(ended_by=EndedBy.TIMER, timer="idle"),
            Executed(ended_by=EndedBy.TIMER, timer="total"),
            Executed(ended_by=EndedBy.TIMER, timer="cap"),
            Executed(ended_by=EndedBy.TIMER, timer="paused"),
            Executed(ended_by=EndedBy.LIMIT, limit="output"),
            Executed(ended_by=EndedBy.START, error="Permission denied"),
        )
    ]

    assert [verdict.message for verdict in told if verdict] == [
        "It gave no sign of life within its start timeout.",
        "It printed nothing within its first-byte timeout.",
        "It made no progress within its idle timeout.",
        "It took longer than its timeout.",
        "It took longer than any attempt may, pauses included.",
        "It was paused for longer than an attempt may be.",
        "It reached its output limit.",
        "It could not be started: Permission denied",
    ]
