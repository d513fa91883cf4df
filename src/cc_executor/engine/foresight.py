"""What an engine knows of how long things took, and what it expects of the next ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

import msgspec

from cc_executor.agents.registry import DIALECTS
from cc_executor.agents.registry import dialect as dialect_named
from cc_executor.forecast.forecasting import Bounds, forecast
from cc_executor.forecast.formula import first_timeout_s
from cc_executor.forecast.observing import subject_of
from cc_executor.model.forecasts import Band, Forecast, Observation, Subject
from cc_executor.model.policy import Policy
from cc_executor.model.specs import TaskSpec
from cc_executor.ports.clock import Clock
from cc_executor.ports.store import Store

#: How many observations of an agent are looked at, the newest.
HISTORY: Final = 600
#: And how many of one prompt.
_OF_ONE_PROMPT: Final = 150
#: How long other engines on the same state directory may have learned without this one.
_FRESH_S: Final = 60.0
#: How old a forecast may be that is made in passing, at the start of a task.
_IN_PASSING_S: Final = 1.0
#: By what part a history may grow before what was made of it is made anew.
_GROWTH: Final = 0.02
_MOST_KEPT: Final = 1_000
#: Completed runs of the same prompt, or of the kind that its user gave it, from which on a task may
#: be stopped earlier than without history: what greetings took says nothing about a migration.
_ENOUGH: Final = 10
#: And of the very same argv, for a plain command: a build that finds everything done says nothing
#: about one that does not.
_ENOUGH_OF_A_COMMAND: Final = 30

#: A machine that is busier than this is not told from one that is even busier.
_MOST_LOAD: Final = 8.0

_QUANTILES: Final = ("p50", "p90", "p99")


class _History(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one agent.

    Attributes:
        newest_first: At most `HISTORY`.
        digests: Of the prompts among them.
        seen: How many there have been, for telling growth.
        read_at: When the store was asked.
    """

    newest_first: tuple[Observation, ...]
    digests: frozenset[str]
    seen: int
    read_at: float


class _Made(NamedTuple):
    """A forecast, how much had been seen when it was made, and when."""

    made: Forecast
    seen: int
    at: float


def _unknown() -> float | None:
    return None


class Foresight:
    """Makes forecasts from what the store remembers, without asking it each time.

    A history is read when its agent is first needed, and again when it is a minute old; what ends
    in this engine is learned at once. Looking at it never waits, and is safe in any thread.

    Args:
        store: What is remembered.
        clock: The time.
        policy: The limits of the engine.
        load: Returns the runnable processes per processor, None when unknown; never blocks.

    Attributes:
        tally: How many completed runs stayed within which quantile of their forecast, by agent and
            `p50`, `p90`, `p99` or `beyond`; each counts for the narrowest it fits.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        policy: Policy,
        load: Callable[[], float | None] = _unknown,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._load = load
        self._histories: dict[str, _History] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._made: dict[tuple[Subject, Bounds], _Made] = {}
        self.tally: Counter[tuple[str, str]] = Counter()

    async def look_up(self, agents: Collection[str]) -> None:
        """Have the histories of some agents at hand; what is fresh costs nothing."""
        now = self._clock.now_s()
        stale = [one for one in DIALECTS if one in agents and not self._is_fresh(one, now)]
        if stale:
            await asyncio.gather(*(self._read_once(agent) for agent in stale))

    def _is_fresh(self, agent: str, now: float) -> bool:
        known = self._histories.get(agent)
        return known is not None and 0 <= now - known.read_at < _FRESH_S

    async def _read_once(self, agent: str) -> None:
        """Read a history; whoever asks meanwhile waits for the same answer."""
        reading = self._reading.get(agent)
        if reading is None:
            reading = asyncio.create_task(self._read(agent))
            self._reading[agent] = reading
            reading.add_done_callback(lambda _done: self._reading.pop(agent, None))
        await asyncio.shield(reading)

    async def _read(self, agent: str) -> None:
        now = self._clock.now_s()
        found = await self._store.observations(agent, limit=HISTORY, of_one_prompt=_OF_ONE_PROMPT)
        known = self._histories.get(agent)
        seen = _count_new(found, known.newest_first if known else ()) + (known.seen if known else 0)
        self._histories[agent] = _history(found, seen=seen, read_at=now)

    # --- before ------------------------------------------------------------------------------

    def subject(self, spec: TaskSpec) -> Subject:
        """Return what a task is an example of, at this moment.

        Raises:
            UnknownAgent: Nobody knows its agent.
        """
        preamble_tokens = dialect_named(spec.dialect).preamble_tokens
        return subject_of(spec, preamble_tokens=preamble_tokens, load=self._load())

    def forecast(self, subject: Subject, *, in_passing: bool = False) -> Forecast:
        """Return what is expected of a task, from the history that is at hand.

        A forecast is kept until the history has grown by a fiftieth: thousands of tasks a minute
        must not each look at thousands of observations.

        Args:
            subject: What the task is an example of.
            in_passing: Whether one that is a second old will do, however much was learned since.
        """
        bounds = self._bounds(subject)
        known = self._histories.get(subject.agent)
        seen = known.seen if known is not None else 0
        if known is not None and seen:
            subject = _coarse(subject, known)
        key = subject, bounds
        kept = self._made.get(key)
        now = self._clock.now_s()
        if kept is not None and (
            seen - kept.seen <= kept.seen * _GROWTH
            or (in_passing and 0 <= now - kept.at < _IN_PASSING_S)
        ):
            return kept.made
        made = forecast(subject, known.newest_first if known is not None else (), bounds)
        if known is None or not _is_familiar(subject, known):
            made = _not_shorter(made, subject, bounds)
        if len(self._made) >= _MOST_KEPT:
            self._made.clear()
        self._made[key] = _Made(made, seen, now)
        return made

    def _bounds(self, subject: Subject) -> Bounds:
        """Return what the forecast is made within.

        A plain command has no tokens to forecast from: without history, only the cap is known.
        """
        policy = self._policy
        is_command = subject.agent == "command"
        return Bounds(
            base_s=policy.max_timeout_s if is_command else policy.timeout_base_s,
            per_token_s=0.0 if is_command else policy.timeout_per_token_s,
            max_s=policy.max_timeout_s,
        )

    # --- after -------------------------------------------------------------------------------

    def learn(self, observed: Observation, expected: Forecast | None) -> None:
        """Take an observation that was recorded into account from now on.

        Args:
            observed: What an attempt took.
            expected: What it was expected to take; None: nobody knows.
        """
        agent = observed.subject.agent
        if observed.ending == "completed" and expected is not None:
            self.tally[agent, _within(expected.duration_s, observed.duration_s)] += 1
        known = self._histories.get(agent)
        if known is not None:  # else it will be read
            self._histories[agent] = _history(
                _with(observed, known.newest_first),
                seen=known.seen + 1,
                read_at=known.read_at,
            )


def _history(newest_first: tuple[Observation, ...], *, seen: int, read_at: float) -> _History:
    digests = frozenset(one.subject.digest for one in newest_first)
    return _History(newest_first=newest_first, digests=digests, seen=seen, read_at=read_at)


def _with(observed: Observation, newest_first: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """Return a history with one more; what is too much goes, the oldest first."""
    digest = observed.subject.digest
    alike = [place for place, one in enumerate(newest_first) if one.subject.digest == digest]
    if len(alike) >= _OF_ONE_PROMPT:
        oldest = alike[-1]
        newest_first = (*newest_first[:oldest], *newest_first[oldest + 1 :])
    return (observed, *newest_first[: HISTORY - 1])


def _count_new(found: tuple[Observation, ...], known: tuple[Observation, ...]) -> int:
    """Return how many of the newest are not known yet."""
    if not known or known[0] not in found:
        return len(found)
    return found.index(known[0])


def _is_familiar(subject: Subject, known: _History) -> bool:
    """Tell whether enough runs like it are known for it to be stopped by what they took."""
    is_command = subject.agent == "command"
    of_kind = bool(subject.kind) and not is_command  # of a command, its program only
    alike = sum(
        one.ending == "completed"
        and (one.subject.model, one.subject.effort) == (subject.model, subject.effort)
        and (one.subject.digest == subject.digest or (of_kind and one.subject.kind == subject.kind))
        for one in known.newest_first
    )
    return alike >= (_ENOUGH_OF_A_COMMAND if is_command else _ENOUGH)


def _not_shorter(made: Forecast, subject: Subject, bounds: Bounds) -> Forecast:
    """Return the forecast with no shorter timeout than without history."""
    least_s = first_timeout_s(
        subject.tokens, base_s=bounds.base_s, per_token_s=bounds.per_token_s, max_s=bounds.max_s
    )
    return msgspec.structs.replace(made, timeout_s=max(made.timeout_s, least_s))


def _coarse(subject: Subject, known: _History) -> Subject:
    """Return the subject as all that are like it: thousands of tasks are of a few kinds.

    A prompt that was never seen is like any other; sizes count by two digits, the load by halves.
    """
    step = int(10 ** max(0, len(str(subject.tokens)) - 2))
    return msgspec.structs.replace(
        subject,
        digest=subject.digest if subject.digest in known.digests else "",
        tokens=-(-subject.tokens // step) * step,
        load=None if subject.load is None else min(_MOST_LOAD, round(subject.load * 2) / 2),
    )


def _within(band: Band, duration_s: float) -> str:
    bounds = zip(_QUANTILES, (band.p50, band.p90, band.p99), strict=True)
    return next((name for name, most_s in bounds if duration_s <= most_s), "beyond")
