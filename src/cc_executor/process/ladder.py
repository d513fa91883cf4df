"""The stop ladder as a value that moves. Pure; standard library only: supervisors import it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cc_executor.process.order import Rung

STDIN: Final = "stdin"
INTERRUPT: Final = "interrupt"
TERMINATE: Final = "terminate"
KILL: Final = "kill"

_LAST: Final = Rung(KILL, 5.0)


class StopLadder:
    """Which rung is next, and when. Every ladder ends with `kill`.

    Args:
        rungs: As ordered; what follows a `kill` is never reached.
    """

    def __init__(self, rungs: Sequence[Rung]) -> None:
        before_kill: list[Rung] = []
        last = _LAST
        for rung in rungs:
            if rung.action == KILL:
                last = rung
                break
            before_kill.append(rung)
        self._waiting = [*before_kill, last]
        self.rung: Rung | None = None
        self.next_at: float | None = None

    def begin(self, now: float) -> None:
        """Make the first rung due. Doing it again changes nothing."""
        if self.rung is None and self.next_at is None:
            self.next_at = now

    def skip_to_kill(self, now: float) -> None:
        """Make the last rung due now, whatever was climbed before."""
        if self._waiting:
            self._waiting = self._waiting[-1:]
            self.next_at = now

    def climb(self, now: float) -> Rung | None:
        """Step on the next rung if it is due, and return it."""
        if self.next_at is None or now < self.next_at or not self._waiting:
            return None
        self.rung = self._waiting.pop(0)
        self.next_at = now + self.rung.grace_s if self._waiting else None
        return self.rung
