"""What a look at one thing gives."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple


class Level(StrEnum):
    """How much it matters.

    `ok`: as it should be. `note`: something is not there that nobody needs. `gap`: something
    works less well than it could. `broken`: nothing can run, or this agent cannot.
    """

    OK = "ok"
    NOTE = "note"
    GAP = "gap"
    BROKEN = "broken"


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        subject: What it belongs to: `machine`, `state`, `agent NAME`.
        name: What it is.
        level: How much it matters.
        found: What was found.
        advice: What to do about it; empty when there is nothing to do.
    """

    subject: str
    name: str
    level: Level
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the object of `doctor --json`."""
        return {**self._asdict(), "level": str(self.level)}
