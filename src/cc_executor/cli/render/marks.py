"""One mark and one colour for each state: a table, in two alphabets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from cc_executor.model.lifecycle import TaskState


class Mark(NamedTuple):
    """How a state is shown. Every mark is one cell wide.

    Attributes:
        sign: Where the terminal can show it.
        ascii: Where it cannot.
        style: In rich's words.
    """

    sign: str
    ascii: str
    style: str


MARKS: Final[Mapping[TaskState, Mark]] = {
    TaskState.QUEUED: Mark("·", ".", "dim"),
    TaskState.RUNNING: Mark("▸", ">", "cyan"),
    TaskState.PAUSED: Mark("‖", "=", "yellow"),
    TaskState.SUCCEEDED: Mark("✓", "+", "green"),
    TaskState.FAILED: Mark("✗", "x", "red"),
    TaskState.TIMED_OUT: Mark("✗", "x", "red"),
    TaskState.CANCELLED: Mark("⊘", "-", "yellow"),
    TaskState.LOST: Mark("?", "?", "red"),
    TaskState.SKIPPED: Mark("↷", "~", "dim"),
}


def sign(state: TaskState, encoding: str | None) -> str:
    """Return the mark of a state in an encoding that may not have it; None has everything."""
    mark = MARKS[state]
    has_it = encoding is None or encoding.lower().startswith("utf")
    return mark.sign if has_it else mark.ascii
