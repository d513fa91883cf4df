"""How long a task, a list and what is left of either may take. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from cc_executor.forecast.formula import first_timeout_s
from cc_executor.forecast.grouping import Groups, groups_of, method_for
from cc_executor.forecast.learning import Example, band, learn
from cc_executor.forecast.levels import Expected
from cc_executor.forecast.loading import slope_of, stretch
from cc_executor.forecast.shape import Shape, together
from cc_executor.model.forecasts import Band, Forecast, Observation, Subject

#: How many of the newest observations are looked at, and for all but the duration.
_LOOKED_AT: Final = 2_000
_FOR_OTHERS: Final = 400
#: What `timeout_s` adds to the p99: a part, and a pause of the machine.
_MARGIN: Final = 1.05
_MARGIN_S: Final = 1.0
#: No learned timeout is shorter: below that, it measures how busy the machine is.
_LEAST_TIMEOUT_S: Final = 10.0
#: The formula's value stands for the p99, and these parts of it for the p50 and the p90.
_FORMULA_P50: Final = 0.25
_FORMULA_P90: Final = 0.5
#: How sure the formula is: a standard deviation of a factor of e.
_FORMULA_VARIANCE: Final = 1.0
_UNKNOWN_VARIANCE: Final = 1.0
#: No smaller amount is told from zero.
_LEAST: Final = 1e-6
_MOST: Final = 1e18
#: From so many observations on, half of what is uncertain is each task's own.
_OWN_FROM: Final = 10


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a forecast is made within, and from without history. Seconds.

    Attributes:
        base_s: The formula's constant part.
        per_token_s: Its part per token of the first request.
        max_s: The cap: no quantile and no timeout is larger. Above zero.
    """

    base_s: float
    per_token_s: float
    max_s: float


def forecast(subject: Subject, history: Sequence[Observation], bounds: Bounds) -> Forecast:
    """Return what a task may take, if it does not fail.

    Of a failed run nothing is learned. Of a censored one, that it would have taken longer. The
    order of `history` does not matter.

    Args:
        subject: The task.
        history: What there is; the newest 2,000 are looked at.
        bounds: The cap, and the formula for what is not known.
    """
    formula_s = first_timeout_s(
        subject.tokens, base_s=bounds.base_s, per_token_s=bounds.per_token_s, max_s=bounds.max_s
    )
    newest = sorted((one for one in history if one.ending != "failed"), key=_order)[-_LOOKED_AT:]
    if not newest:
        return _by_formula(formula_s)
    past = [(one, groups_of(one.subject)) for one in newest]
    keys = groups_of(subject)
    slope = slope_of(past)
    prior = Expected(math.log(max(_LEAST, formula_s * _FORMULA_P50)), _FORMULA_VARIANCE)
    examples = [
        Example(
            groups,
            math.log(max(_LEAST, one.duration_s) / stretch(one.subject.load, slope)),
            one.ending == "censored",
        )
        for one, groups in past
    ]
    factor = stretch(subject.load, slope)
    duration_s = band(learn(examples, keys, prior), factor=factor, at_most=bounds.max_s)
    method, observations = method_for(keys, [groups for _, groups in past])
    recent = past[-_FOR_OTHERS:]
    return Forecast(
        duration_s=duration_s,
        turns=_amount(keys, recent, lambda one: one.turns),
        cost_usd=_amount(keys, recent, lambda one: one.cost_usd),
        total_tokens=_amount(keys, recent, lambda one: one.total_tokens),
        memory_bytes=_amount(keys, recent, lambda one: one.max_rss_bytes),
        timeout_s=min(
            bounds.max_s, max(_LEAST_TIMEOUT_S, duration_s.p99 * _MARGIN + _MARGIN_S * factor)
        ),
        observations=observations,
        method=method,
    )


def forecast_list(forecasts: Sequence[Forecast]) -> Forecast:
    """Return what tasks may take that run one after the other, if none fails.

    Quantiles of the sum, not the sum of quantiles: ten tasks do not all take their longest. But
    what is uncertain about the estimate itself, they have in common: the fewer observations, the
    more. Memory is that of the largest. What is unknown of one task is unknown of the list.
    `timeout_s` is the sum: no task is stopped earlier because it is in a list.
    """
    if not forecasts:
        return Forecast(duration_s=Band(p50=0.0, p90=0.0, p99=0.0), timeout_s=0.0)
    shared = [_OWN_FROM / (_OWN_FROM + one.observations) for one in forecasts]

    def whole(of: Callable[[Forecast], Band | None], *, largest: bool = False) -> Band | None:
        bands = [found for one in forecasts if (found := of(one)) is not None]
        if len(bands) < len(forecasts):
            return None
        return together(bands, shared, max if largest else math.fsum)

    duration_s = together([one.duration_s for one in forecasts], shared, math.fsum)
    methods = {one.method: None for one in forecasts}
    return Forecast(
        duration_s=duration_s,
        turns=whole(lambda one: one.turns),
        cost_usd=whole(lambda one: one.cost_usd),
        total_tokens=whole(lambda one: one.total_tokens),
        memory_bytes=whole(lambda one: one.memory_bytes, largest=True),
        timeout_s=max(duration_s.p99, math.fsum(one.timeout_s for one in forecasts)),
        observations=min(one.observations for one in forecasts),
        method=next(iter(methods)) if len(methods) == 1 else "mixed",
    )


def remaining(made: Forecast, elapsed_s: float) -> Band:
    """Return how much longer a task may take that has run for `elapsed_s` and still runs.

    Seconds, never negative. A task that has outlived its p99 is expected to last about as much
    longer as tasks of its kind vary, in proportion to what it has already taken.
    """
    if elapsed_s <= 0:
        return made.duration_s
    return Shape(made.duration_s).left_after(elapsed_s)


def _by_formula(formula_s: float) -> Forecast:
    return Forecast(
        duration_s=Band(p50=formula_s * _FORMULA_P50, p90=formula_s * _FORMULA_P90, p99=formula_s),
        timeout_s=formula_s,
    )


def _amount(
    keys: Groups,
    past: Sequence[tuple[Observation, Groups]],
    of: Callable[[Observation], float | None],
) -> Band | None:
    """Return the band of something else than time; None where no completed run tells of it."""
    known = [(one, groups, value) for one, groups in past if (value := of(one)) is not None]
    completed = sorted(value for one, _, value in known if one.ending == "completed")
    if not completed:
        return None
    if completed[-1] <= 0:
        return Band(p50=0.0, p90=0.0, p99=0.0)
    examples = [
        Example(groups, math.log(max(_LEAST, value)), one.ending == "censored")
        for one, groups, value in known
    ]
    middle = math.log(max(_LEAST, completed[len(completed) // 2]))
    learned = learn(examples, keys, Expected(middle, _UNKNOWN_VARIANCE))
    return band(learned, factor=1.0, at_most=_MOST)


def _order(one: Observation) -> tuple[float | str, ...]:
    """Return what observations are sorted by: their time, and always the same among equals."""
    subject = one.subject
    return (
        *(one.at, one.duration_s, one.ending, subject.agent, subject.kind, subject.digest),
        *(subject.model or "", subject.effort or "", subject.tokens, _comparable(subject.load)),
        *(_comparable(one.turns), _comparable(one.cost_usd)),
        *(_comparable(one.total_tokens), _comparable(one.max_rss_bytes)),
    )


def _comparable(value: float | None) -> float:
    return -1.0 if value is None else value
