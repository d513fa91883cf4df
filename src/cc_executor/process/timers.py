"""When an attempt has taken too long. Pure: instants come in, monotonic, in seconds.

Standard library only: supervisors import it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cc_executor.process.order import Timers

TOTAL: Final = "total"
START: Final = "start"
IDLE: Final = "idle"
GRACE: Final = "grace"
ORPHAN: Final = "orphan"


class Expiry(NamedTuple):
    """A timer and when it ends."""

    at: float
    timer: str


class Clocks:
    """The timers of one attempt.

    All but the orphan timer stand still during a pause. They run on *active* time: the time since
    some instant without its pauses.

    Args:
        timers: Their bounds.
        judged: Whether an engine judges progress; without, every byte counts.
        now: When the child was started.
    """

    def __init__(self, timers: Timers, *, judged: bool, now: float) -> None:
        self.paused_s = 0.0
        self._timers = timers
        self._judged = judged
        self._paused_at: float | None = None
        self._started = now
        self._first_output: float | None = None
        self._last_output = now
        self._told_progress = now
        self._head = 0
        self._judged_upto = 0
        self._hold = False
        self._finished: float | None = None
        self._orphaned: float | None = None

    @property
    def paused(self) -> bool:
        """Whether the clocks stand still."""
        return self._paused_at is not None

    def output(self, now: float, head: int) -> None:
        """Note that bytes have arrived; `head` is how many there are now."""
        self._head = head
        self._last_output = self._active(now)
        if self._first_output is None:
            self._first_output = self._last_output

    def judge(self, now: float, *, upto: int, progress: bool, hold: bool, finished: bool) -> None:
        """Note what the engine made of the output up to offset `upto`."""
        active = self._active(now)
        if progress or (self._hold and not hold):  # silence is measured from the end of a hold
            self._told_progress = active
        self._judged_upto = max(self._judged_upto, upto)
        self._hold = hold
        if not finished:
            self._finished = None
        elif self._finished is None:
            self._finished = active

    def attended(self, now: float, *, by_engine: bool) -> None:
        """Note whether an engine is attached."""
        if by_engine:
            self._orphaned = None
        elif self._orphaned is None:
            self._orphaned = now

    def pause(self, now: float) -> None:
        """Let the clocks stand still. Doing it again changes nothing."""
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        """Let them run again. Doing it again changes nothing."""
        if self._paused_at is not None:
            self.paused_s += now - self._paused_at
            self._paused_at = None

    def next_expiry(self) -> Expiry | None:
        """Return which timer ends first, and when; None when none is running."""
        return min(self._expiries(), default=None)

    def expired(self, now: float) -> str | None:
        """Return the timer that has ended first, None when none has."""
        expiry = self.next_expiry()
        return expiry.timer if expiry is not None and expiry.at <= now else None

    def _active(self, now: float) -> float:
        return (now if self._paused_at is None else self._paused_at) - self.paused_s

    def _expiries(self) -> Iterator[Expiry]:
        if self._orphaned is not None:
            yield Expiry(self._orphaned + self._timers.orphan_grace_s, ORPHAN)
        if self._paused_at is None:
            for since, bound_s, timer in self._running():
                if since is not None and bound_s is not None:
                    yield Expiry(since + bound_s + self.paused_s, timer)

    def _running(self) -> Iterator[tuple[float | None, float | None, str]]:
        yield self._started, self._timers.total_s, TOTAL
        yield self._finished, self._timers.grace_s, GRACE
        if self._first_output is None:
            yield self._started, self._timers.start_s, START
        if not self._hold and self._finished is None:
            yield self._last_progress(), self._timers.idle_s, IDLE

    def _last_progress(self) -> float:
        """Bytes that nobody has judged yet count as progress, as of the last of them."""
        if self._judged and self._head <= self._judged_upto:
            return self._told_progress
        return self._last_output
