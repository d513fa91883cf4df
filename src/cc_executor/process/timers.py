"""When an attempt has taken too long. Pure: instants come in, monotonic, in seconds.

Standard library only: supervisors import it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from cc_executor.process.order import Timers
from cc_executor.process.silence import Silence

# The names in `model.timers`, which a supervisor does not import.
START: Final = "start"
FIRST_BYTE: Final = "first_byte"
IDLE: Final = "idle"
GRACE: Final = "grace"
TOTAL: Final = "total"
CAP: Final = "cap"
PAUSED: Final = "paused"
ORPHAN: Final = "orphan"
#: No timer: it is time to tell the clocks what the processor does (`Clocks.looked`).
LOOK: Final = "look"


class Expiry(NamedTuple):
    """A timer and when it ends."""

    at: float
    timer: str


class Clocks:
    """The timers of one attempt.

    Most run on *active* time: the time since some instant without its pauses. Those that bound
    pauses, the whole and the absence of engines run on wall time.

    Args:
        timers: Their bounds.
        judged: Whether an engine judges progress; without, every byte counts.
        looks: Whether the processor time of the tree can be seen.
        now: When the child was started.
    """

    def __init__(self, timers: Timers, *, judged: bool, now: float, looks: bool = False) -> None:
        self._paused_s = 0.0  # in pauses that are over
        self._timers = timers
        self._paused_at: float | None = None
        self._started = now
        self._first_output: float | None = None
        self._silence = Silence(timers.idle_s, judged=judged, looks=looks, now=now)
        self._finished: float | None = None
        self._orphaned: float | None = None
        self._longest_alone_s = 0.0

    @property
    def paused(self) -> bool:
        """Whether the clocks of active time stand still."""
        return self._paused_at is not None

    def paused_s(self, now: float) -> float:
        """Return how long they have stood still, in all."""
        return self._paused_s + (0.0 if self._paused_at is None else now - self._paused_at)

    def output(self, now: float, head: int) -> None:
        """Note that bytes have arrived; `head` is how many there are now."""
        active = self._active(now)
        self._silence.output(active, head)
        if self._first_output is None:
            self._first_output = active

    def judge(
        self,
        now: float,
        *,
        upto: int,
        progress: bool,
        hold: str | None,
        hold_s: float | None,
        finished: bool,
    ) -> None:
        """Note what the engine made of the output up to offset `upto`."""
        active = self._active(now)
        self._silence.judge(active, upto=upto, progress=progress, hold=hold, hold_s=hold_s)
        if not finished:
            self._finished = None
        elif self._finished is None:
            self._finished = active

    def looked(self, now: float, cpu_s: float) -> None:
        """Note how much processor time the tree has used so far."""
        self._silence.looked(self._active(now), cpu_s)

    def attended(self, now: float, *, by_engine: bool) -> None:
        """Note whether an engine is attached."""
        if by_engine:
            self._longest_alone_s = self._alone_s(now)
            self._orphaned = None
        elif self._orphaned is None:
            self._orphaned = now

    def pause(self, now: float) -> None:
        """Let the clocks of active time stand still. Doing it again changes nothing."""
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        """Let them run again. Doing it again changes nothing."""
        self._paused_s = self.paused_s(now)
        self._paused_at = None

    def next_expiry(self) -> Expiry | None:
        """Return which timer ends first, and when; None when none is running."""
        return min(self._expiries(), default=None)

    def expired(self, now: float) -> str | None:
        """Return the timer that has ended first, None when none has."""
        expiry = self.next_expiry()
        return expiry.timer if expiry is not None and expiry.at <= now else None

    def table(self, now: float, expired: str | None) -> list[dict[str, Any]]:
        """Return all timers, in the words of `model.timers.Timing`.

        Args:
            now: When the end began.
            expired: The timer that brought it, None when none did.
        """
        active = self._active(now)
        bounds = self._timers
        alive_at = active if self._silence.alive_at is None else self._silence.alive_at
        first_at = active if self._first_output is None else self._first_output
        rows = (
            (START, bounds.start_s, alive_at - self._started),
            (FIRST_BYTE, bounds.first_byte_s, first_at - self._started),
            (IDLE, bounds.idle_s, self._silence.longest_s(active)),
            (GRACE, bounds.grace_s, 0.0 if self._finished is None else active - self._finished),
            (TOTAL, bounds.total_s, active - self._started),
            (CAP, bounds.cap_s, now - self._started),
            (PAUSED, bounds.max_paused_s, self.paused_s(now)),
            (ORPHAN, bounds.orphan_grace_s, self._alone_s(now)),
        )
        return [
            {"name": name, "bound_s": bound_s, "ran_s": ran_s, "expired": name == expired}
            for name, bound_s, ran_s in rows
        ]

    def _active(self, now: float) -> float:
        return now - self.paused_s(now)

    def _alone_s(self, now: float) -> float:
        alone_s = 0.0 if self._orphaned is None else now - self._orphaned
        return max(self._longest_alone_s, alone_s)

    def _expiries(self) -> Iterator[Expiry]:
        bounds = self._timers
        if self._orphaned is not None:
            yield Expiry(self._orphaned + bounds.orphan_grace_s, ORPHAN)
        if bounds.cap_s is not None:
            yield Expiry(self._started + bounds.cap_s, CAP)
        if self._paused_at is None:
            for at, timer in self._running():
                if at is not None:
                    yield Expiry(at + self._paused_s, timer)
        elif bounds.max_paused_s is not None:
            yield Expiry(self._paused_at + bounds.max_paused_s - self._paused_s, PAUSED)

    def _running(self) -> Iterator[tuple[float | None, str]]:
        bounds = self._timers
        yield _after(self._started, bounds.total_s), TOTAL
        if self._first_output is None:
            yield _after(self._started, bounds.first_byte_s), FIRST_BYTE
        if not self._silence.shows_life:
            yield _after(self._started, bounds.start_s), START
        if self._finished is None:
            yield self._silence.look_at(), LOOK
            yield self._silence.ends_at(), IDLE
        else:
            yield _after(self._finished, bounds.grace_s), GRACE


def _after(since: float, bound_s: float | None) -> float | None:
    return None if bound_s is None else since + bound_s
