"""Metrics of forecasts: how good they were, and how much longer what runs may take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cc_executor.model.forecasts import Band
from cc_executor.model.principals import Principal
from cc_executor.model.records import ExecutionRecord

#: Executions that are told of at once: each is a series of its own, for as long as it runs.
MOST_EXECUTIONS: Final = 50

#: By quantile, as Prometheus writes it, its place in a band.
_QUANTILES: Final[Mapping[str, Callable[[Band], float]]] = {
    "0.5": lambda band: band.p50,
    "0.9": lambda band: band.p90,
    "0.99": lambda band: band.p99,
}


class Expected(NamedTuple):
    """Where the values come from.

    Attributes:
        tally: How many completed runs stayed within which quantile of their forecast, by agent
            and the narrowest that holds.
        left: Yields what runs here, and how much longer it may take.
    """

    tally: Mapping[tuple[str, str], int]
    left: Callable[[], Iterable[tuple[ExecutionRecord, Band]]]


class Expectations(Collector):
    """The values of now, as far as somebody may see them.

    Args:
        expected: All of them.
        who: Who asks. What belongs to somebody else does not exist for them.
    """

    def __init__(self, expected: Expected, who: Principal) -> None:
        self._expected = expected
        self._who = who

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        runs = CounterMetricFamily(
            "cc_executor_completed_runs",
            "Completed runs, by the narrowest quantile of their forecast that they stayed within.",
            labels=("agent", "within"),
        )
        for labels, count in sorted(self._expected.tally.items()):
            runs.add_metric(labels, count)
        yield runs
        left = GaugeMetricFamily(
            "cc_executor_forecast_left_seconds",
            "How much longer the running tasks of an execution may take, by forecast.",
            labels=("execution_id", "quantile"),
        )
        own = (one for one in self._expected.left() if self._who.owns(one[0].principal))
        for execution, band in islice(own, MOST_EXECUTIONS):
            for quantile, of in _QUANTILES.items():
                left.add_metric((execution.id, quantile), of(band))
        yield left
