"""How long a task, a list and what is left of either may take. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from cc_executor.forecast.formula import first_timeout_s
from cc_executor.model.forecasts import Band, Forecast, Observation, Subject

_ENOUGH: Final = 10
_MARGIN: Final = 1.5


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a forecast is made within, and from without history. Seconds."""

    base_s: float
    per_token_s: float
    max_s: float


def forecast(subject: Subject, history: Sequence[Observation], bounds: Bounds) -> Forecast:
    """Return what a task may take, from the newest `history` of its agent."""
    same = sorted(
        one.duration_s
        for one in history
        if one.subject.digest == subject.digest and one.ending == "completed"
    )
    if len(same) < _ENOUGH:
        longest_s = first_timeout_s(
            subject.tokens,
            base_s=bounds.base_s,
            per_token_s=bounds.per_token_s,
            max_s=bounds.max_s,
        )
        band = Band(p50=longest_s / 4, p90=longest_s / 2, p99=longest_s)
        return Forecast(duration_s=band, timeout_s=longest_s)
    p50, p90, p99 = (same[math.ceil(len(same) * part) - 1] for part in (0.5, 0.9, 0.99))
    return Forecast(
        duration_s=Band(p50=p50, p90=p90, p99=p99),
        timeout_s=min(bounds.max_s, p99 * _MARGIN),
        observations=len(same),
        method="history: same prompt",
    )


def forecast_list(forecasts: Sequence[Forecast]) -> Forecast:
    """Return what tasks may take that run one after the other, if none fails."""
    bands = [one.duration_s for one in forecasts]
    return Forecast(
        duration_s=Band(
            p50=sum(band.p50 for band in bands),
            p90=sum(band.p90 for band in bands),
            p99=sum(band.p99 for band in bands),
        ),
        timeout_s=sum(one.timeout_s for one in forecasts),
        observations=sum(one.observations for one in forecasts),
        method=forecasts[0].method if forecasts else "formula",
    )


def remaining(made: Forecast, elapsed_s: float) -> Band:
    """Return how much longer a task may take that has run for `elapsed_s`."""
    band = made.duration_s
    p50, p90, p99 = (max(0.0, one - elapsed_s) for one in (band.p50, band.p90, band.p99))
    return Band(p50=p50, p90=p90, p99=p99)
