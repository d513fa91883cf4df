from __future__ import annotations

import pytest

from cc_executor.cli.render.details import executed
from cc_executor.model.outcomes import EndedBy, Executed


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
