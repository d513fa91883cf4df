"""How long an attempt has made no progress, and whether that is healthy. Pure.

All instants are *active* time, in seconds: pauses are left out before they come here. Standard
library only: supervisors import it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: A tree that uses more of one core than this, on average over the window, is at work. Claude Code
#: that waits for a model which says nothing uses a tenth of it (2.1.330, measured).
BUSY_SHARE: Final = 0.01
#: Less processor time than this says nothing: the kernel counts in ticks of 10 ms.
_LEAST_CPU_S: Final = 0.05
#: The window begins so far into the silence. Looking costs milliseconds, so an agent that says
#: something now and then is never looked at.
_FIRST_LOOK: Final = 0.1
_SHORTEST_WINDOW: Final = 0.5


class _Hold(NamedTuple):
    """An excuse for silence, and from when to when it counts; None: until it is taken back."""

    why: str
    since: float
    until: float | None


class _Since(NamedTuple):
    """An instant of progress, and for how long silence had been excused by then, in all."""

    at: float
    held_s: float


class _Look(NamedTuple):
    """What was seen of the processor when a silence had lasted so long."""

    since: _Since
    quiet_s: float
    cpu_s: float


class Silence:
    """Time without progress. What is excused does not count, nor does it count as progress.

    Args:
        bound_s: How much of it there may be; None: any amount.
        judged: Whether an engine judges progress; without, every byte counts.
        looks: Whether the processor time of the tree can be seen.
        now: When the child was started.
    """

    def __init__(self, bound_s: float | None, *, judged: bool, looks: bool, now: float) -> None:
        self.alive_at: float | None = None
        self._bound_s = bound_s
        self._judged = judged
        self._looks = looks
        self._told = self._output = self._busy = _Since(now, 0.0)
        self._head = 0
        self._judged_upto = 0
        self._hold: _Hold | None = None
        self._held_s = 0.0  # by holds that are over
        self._look: _Look | None = None
        self._hung: _Since | None = None
        self._longest_s = 0.0

    @property
    def shows_life(self) -> bool:
        """Whether the agent has said anything of its own. Bytes that nobody has judged may be."""
        return self.alive_at is not None or (self._judged and self._head > self._judged_upto)

    def longest_s(self, at: float) -> float:
        """Return the longest silence until then."""
        return max(self._longest_s, self._quiet_s(self._since(), at))

    def output(self, at: float, head: int) -> None:
        """Note that bytes have arrived; `head` is how many there are now."""
        if not self._judged:
            self._progress(at)
        self._head = head
        self._output = self._at(at)

    def judge(
        self, at: float, *, upto: int, progress: bool, hold: str | None, hold_s: float | None
    ) -> None:
        """Note what the engine made of the output up to offset `upto`.

        An excuse that is repeated in the same words is the same excuse: it lasts no longer for it.
        """
        if hold != (self._hold.why if self._hold else None):
            self._held_s = self._held_until(at)
            until = None if hold_s is None else at + hold_s
            self._hold = None if hold is None else _Hold(hold, at, until)
        if progress:
            self._progress(at)
            self._told = self._at(at)
        self._judged_upto = max(self._judged_upto, upto)

    def ends_at(self) -> float | None:
        """Return when there has been too much of it; None while that cannot be said."""
        since = self._since()
        if self._bound_s is None or (self._looks and self._hung != since):
            return None
        return self._when(since, self._bound_s)

    def look_at(self) -> float | None:
        """Return when to look at the processor; None when that would tell nothing."""
        since = self._since()
        if self._bound_s is None or not self._looks or self._hung == since:
            return None
        if self._look is None or self._look.since != since:
            return self._when(since, self._bound_s * _FIRST_LOOK)
        window_s = self._bound_s * _SHORTEST_WINDOW
        return self._when(since, max(self._bound_s, self._look.quiet_s + window_s))

    def looked(self, at: float, cpu_s: float) -> None:
        """Note the processor time that the tree has used in all: the window begins, or is over."""
        since = self._since()
        quiet_s = self._quiet_s(since, at)
        look = self._look
        if look is None or look.since != since:
            self._look = _Look(since, quiet_s, cpu_s)
        elif cpu_s - look.cpu_s > max(BUSY_SHARE * (quiet_s - look.quiet_s), _LEAST_CPU_S):
            self._longest_s = self.longest_s(at)
            self._busy = self._at(at)
            self._look = _Look(self._busy, 0.0, cpu_s)
        else:
            self._hung = since

    def _progress(self, at: float) -> None:
        self._longest_s = self.longest_s(at)
        if self.alive_at is None:
            self.alive_at = at

    def _since(self) -> _Since:
        """Bytes that nobody has judged yet count as progress, as of the last of them."""
        is_judged = self._judged and self._head <= self._judged_upto
        return max(self._told if is_judged else self._output, self._busy)

    def _at(self, at: float) -> _Since:
        return _Since(at, self._held_until(at))

    def _held_until(self, at: float) -> float:
        if self._hold is None:
            return self._held_s
        until = at if self._hold.until is None else min(at, self._hold.until)
        return self._held_s + until - self._hold.since

    def _quiet_s(self, since: _Since, at: float) -> float:
        return at - since.at - (self._held_until(at) - since.held_s)

    def _when(self, since: _Since, quiet_s: float) -> float | None:
        """Return when this silence has lasted so long; None while there is no telling."""
        if self._hold is None:
            return since.at + quiet_s + self._held_s - since.held_s
        if self._hold.until is None:
            return None
        return since.at + quiet_s + self._held_until(self._hold.until) - since.held_s
