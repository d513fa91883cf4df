"""Forecasts against the predecessor's heuristics, on histories whose truth is known.

Each run is forecast from those before it, which are seen as they would be: a run that outlives its
timeout is stopped there, and how long it would have taken is not learned.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from benchmarks import histories
from benchmarks.heuristics import HEURISTICS, Heuristic
from benchmarks.histories import Run
from cc_executor.forecast.forecasting import Bounds, forecast
from cc_executor.model.forecasts import Forecast, Observation, Subject

BOUNDS: Final = Bounds(base_s=60.0, per_token_s=0.05, max_s=86_400.0)
_BEFORE_JUDGED: Final = 30

#: Makes a forecast from a task, a history and bounds.
Forecaster = Callable[[Subject, Sequence[Observation], Bounds], Forecast]


class Judged(NamedTuple):
    """What a forecast said of a run, and what it took. Seconds."""

    true_s: float
    p50_s: float
    p90_s: float
    p99_s: float
    timeout_s: float


class Row(NamedTuple):
    """A line of the table. Parts of the judged runs; `wait` are medians of timeouts.

    Attributes:
        within_90: Runs that took no longer than the p90.
        beyond_99: Runs that took longer than the p99.
        killed: Healthy runs that the timeout would have stopped.
        wait: Median timeout, in median durations.
        needed: What part of the median timeout of each rule, scaled in hindsight until it stops as
            few, ours is.
    """

    name: str
    runs: int
    within_90: float
    beyond_99: float
    killed: float
    wait: float
    their_killed: dict[str, float]
    their_wait: dict[str, float]
    needed: dict[str, float]


def replay(runs: Sequence[Run], *, make: Forecaster = forecast) -> list[Judged]:
    """Return what was forecast of each judged run, from what was to be seen of those before it."""
    seen: list[Observation] = []
    judged = []
    for number, run in enumerate(runs):
        made = make(run.subject, seen, BOUNDS)
        band = made.duration_s
        if run.seen:
            judged.append(Judged(run.true_s, band.p50, band.p90, band.p99, made.timeout_s))
        stopped_s = min(made.timeout_s, run.cancelled_s or math.inf)
        seen.append(
            Observation(
                subject=run.subject,
                at=float(number),
                duration_s=min(run.true_s, stopped_s),
                ending="completed" if run.true_s <= stopped_s else "censored",
            )
        )
    return judged


def timeouts(runs: Sequence[Run], heuristic: Heuristic) -> list[float]:
    """Return a heuristic's timeout for each run; it is told more than ours: all true durations."""
    before: dict[str, list[float]] = defaultdict(list)
    made = []
    for run in runs:
        made.append(heuristic(run, before[run.subject.kind]))
        before[run.subject.kind].append(run.true_s)
    return made


def row(
    name: str,
    replays: Sequence[Sequence[Run]],
    *,
    skip: int = _BEFORE_JUDGED,
    make: Forecaster = forecast,
) -> Row:
    """Return the line of some histories of the same sort, without the first `skip` of each."""
    judged = []
    theirs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for runs in replays:
        judged += replay(runs, make=make)[skip:]
        for title, heuristic in HEURISTICS.items():
            of_each = zip(runs, timeouts(runs, heuristic), strict=True)
            pairs = [(run.true_s, limit_s) for run, limit_s in of_each if run.seen]
            theirs[title] += pairs[skip:]
    theirs["fixed"] = [(one.true_s, 1.0) for one in judged]
    killed = _part([one.true_s > one.timeout_s for one in judged])
    ours_s = statistics.median(one.timeout_s for one in judged)
    typical_s = statistics.median(one.true_s for one in judged)
    return Row(
        name=name,
        runs=len(judged),
        within_90=_part([one.true_s <= one.p90_s for one in judged]),
        beyond_99=_part([one.true_s > one.p99_s for one in judged]),
        killed=killed,
        wait=ours_s / typical_s,
        their_killed={
            title: _part([true > limit for true, limit in pairs])
            for title, pairs in theirs.items()
            if title != "fixed"
        },
        their_wait={
            title: statistics.median(limit for _, limit in pairs) / typical_s
            for title, pairs in theirs.items()
            if title != "fixed"
        },
        needed={
            title: ours_s / (_scale(pairs, killed) * statistics.median(limit for _, limit in pairs))
            for title, pairs in theirs.items()
        },
    )


def _scale(pairs: Sequence[tuple[float, float]], killed: float) -> float:
    """Return the factor with which a rule stops the given part of the runs."""
    factors = sorted(true_s / limit_s for true_s, limit_s in pairs)
    return factors[min(len(factors) - 1, math.ceil((1 - killed) * len(factors)) - 1)]


def _part(found: Sequence[bool]) -> float:
    return sum(found) / len(found)


def measure(*, quick: bool) -> list[Row]:
    """Return all lines. Two minutes; `quick`: some seconds."""
    # The constants of the forecast were chosen on other seeds.
    seeds, runs = (range(100, 101), 200) if quick else (range(100, 104), 500)
    rows = [
        row(name, [histories.history(spread, runs=runs, seed=seed) for seed in seeds])
        for name, spread in histories.SPREADS.items()
    ]
    rows.append(row("cancelled", [histories.cancelled(runs=runs, seed=seed) for seed in seeds]))
    rows.append(row("new kinds", [histories.new_kinds(runs=runs, seed=seed) for seed in seeds]))
    every = [one for seed in seeds for one in histories.tiny(runs=runs, seed=seed)]
    rows.append(row("tiny", every, skip=0))
    return rows
