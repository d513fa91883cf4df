"""Usage windows: what agents report of them, shared by all tasks of a login, and who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cc_executor.engine.gates import Candidate, GateClosed, Pass, Survivor, Tell
from cc_executor.model.events import LimitNotice
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import Waiting
from cc_executor.model.retries import is_credible, park_of
from cc_executor.model.specs import Park
from cc_executor.model.windows import (
    REJECTED,
    UNNAMED,
    UsageWindow,
    nearly_used_up,
    opens_at,
    shut,
)
from cc_executor.ports.clock import Clock
from cc_executor.ports.store import Store

if TYPE_CHECKING:  # what is prepared needs the world, and the world has these
    from cc_executor.engine.prepare import Prepared

#: How long a waiting task sleeps at most before it looks at the clock, and at what others have
#: learnt: machines are suspended, clocks are set, and accounts get more credit.
_LOOK_S: Final = 15.0
#: Agents repeat themselves with each turn; another engine may have learnt something else meanwhile.
_AGAIN_S: Final = 60.0
_REASON: Final = "usage_window"
_PACING: Final = "pacing"

_Said = tuple[str, float | None, float | None]


class UsageWindows:
    """What is known of the windows of every login, and the gate before those who park.

    Args:
        store: Where it is remembered.
        clock: The time.
        fingerprint: Makes from what tells a login apart what may be stored: not reversible.
        by_default: Whether tasks that do not say wait.
        look_s: Longest sleep of a waiting task, seconds.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fingerprint: Callable[[str], str],
        *,
        by_default: bool,
        look_s: float = _LOOK_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._fingerprint = fingerprint
        self._by_default = by_default
        self._look_s = look_s
        self._turns: dict[str, asyncio.Lock] = {}  # by login: who waited first, starts first
        self._paces: dict[str, asyncio.Lock] = {}  # by login: who runs on what little is left
        self._said: dict[tuple[str, str], tuple[_Said, float]] = {}  # and when

    # --- what is reported --------------------------------------------------------------------

    async def report(self, prepared: Prepared, notice: LimitNotice) -> None:
        """Remember what an agent said of its login's window, where that is new."""
        credential = self._credential(prepared)
        if credential is None:
            return
        now = self._clock.now_s()
        name = notice.window or UNNAMED
        resets_at = notice.resets_at
        if resets_at is not None and not is_credible(resets_at, now):
            resets_at = None
        said = (notice.status, resets_at, notice.utilization)
        known, at = self._said.get((credential, name), (None, 0.0))
        if notice.status != REJECTED and known == said and 0 <= now - at < _AGAIN_S:
            return
        self._said[credential, name] = said, now
        await self._store.report_window(
            UsageWindow(
                credential=credential,
                name=name,
                status=notice.status,
                resets_at=resets_at,
                utilization=notice.utilization,
                seen_at=now,
            )
        )

    async def report_end(self, prepared: Prepared, outcome: Outcome) -> None:
        """Remember a usage limit that ended an attempt of an agent that gave no other notice."""
        resets_at = outcome.limit_resets_at
        if outcome.failure is not Failure.USAGE_LIMIT or resets_at is None:
            return
        if not is_credible(resets_at, self._clock.now_s()):
            return
        credential = self._credential(prepared)
        known = await self._store.usage_windows(credential)
        if credential is not None and all(one.resets_at != resets_at for one in known):
            await self.report(prepared, LimitNotice(status=REJECTED, resets_at=resets_at))

    # --- the gate ----------------------------------------------------------------------------

    async def enter(self, candidate: Candidate, tell: Tell) -> Pass | None:
        """Return when no window keeps the task's login from being used.

        While a window is nearly used up, those who park start one after the other.

        Raises:
            GateClosed: The window resets later than the task waits.
        """
        park = park_of(candidate.task.spec, by_default=self._by_default)
        credential = self._credential(candidate.prepared) if park is not None else None
        if park is None or credential is None:
            return None
        while True:
            await self._until_open(credential, park, candidate, tell)
            warned = nearly_used_up(
                await self._store.usage_windows(credential), self._clock.now_s()
            )
            if warned is None:
                return None
            turn = await self._turn(credential, warned, candidate, tell)
            if turn is not None:
                return turn

    async def _turn(
        self, credential: str, window: UsageWindow, candidate: Candidate, tell: Tell
    ) -> _Turn | None:
        """Return the turn of this task if it comes soon and the window is still open."""
        pace = self._paces.setdefault(credential, asyncio.Lock())
        if pace.locked():
            message = f"little is left of the usage window {window.name!r}: one task at a time"
            since = _since(candidate, self._clock.now_s(), _PACING)
            await tell(Waiting(_PACING, since, window.resets_at, message))
        try:
            async with asyncio.timeout(self._look_s):
                await pace.acquire()
        except TimeoutError:
            return None
        turn = _Turn(pace)
        if await self._shut(credential) is None:
            return turn
        turn.leave()
        return None

    async def _until_open(
        self, credential: str, park: Park, candidate: Candidate, tell: Tell
    ) -> None:
        before = await self._shut(credential)
        if before is None:
            return
        since = _since(candidate, self._clock.now_s(), _REASON)
        self._check(before, park)
        await tell(_waiting(before, since))
        async with self._turns.setdefault(credential, asyncio.Lock()):
            while (window := await self._shut(credential)) is not None:
                if window.resets_at != before.resets_at:  # not because the clock was set
                    self._check(window, park)
                before = window
                await tell(_waiting(window, since))
                left_s = opens_at(window) - self._clock.now_s()
                await asyncio.sleep(min(max(left_s, 0.0), self._look_s))

    async def adopt(self, survivor: Survivor) -> None:
        """Do nothing: an attempt that runs holds nothing here."""

    async def _shut(self, credential: str) -> UsageWindow | None:
        """Return the window that is shut, also in the moment between its reset and our start."""
        now = self._clock.now_s()
        windows = await self._store.usage_windows(credential)
        just_now = [
            one
            for one in windows
            if one.status == REJECTED
            and one.resets_at is not None
            and one.resets_at <= now < opens_at(one)
        ]
        return shut(windows, now) or (just_now[0] if just_now else None)

    def _check(self, window: UsageWindow, park: Park) -> None:
        if opens_at(window) - self._clock.now_s() > park.max_hours * 3600:
            raise GateClosed(
                Failure.USAGE_LIMIT,
                f"the usage window {window.name!r} resets in more than {park.max_hours:g} hours,"
                " longer than this task waits (`park.max_hours`)",
            )

    def _credential(self, prepared: Prepared) -> str | None:
        credential = prepared.dialect.credential_of(prepared.launch.env)
        return None if credential is None else self._fingerprint(credential)


def _waiting(window: UsageWindow, since: float) -> Waiting:
    message = f"the usage window {window.name!r} is used up"
    return Waiting(_REASON, since, opens_at(window), message)


class _Turn:
    """The right to run on what little is left of a window."""

    def __init__(self, pace: asyncio.Lock) -> None:
        self._pace = pace

    async def settle(self, outcome: Outcome | None) -> None:  # noqa: ARG002 - whatever came of it
        """Let the next one run."""
        self._pace.release()

    def leave(self) -> None:
        """Let the next one run."""
        self._pace.release()


def _since(candidate: Candidate, now_s: float, reason: str) -> float:
    """Return since when the task waits: perhaps since an earlier engine."""
    waiting = candidate.task.waiting
    return waiting.since if waiting is not None and waiting.reason == reason else now_s
