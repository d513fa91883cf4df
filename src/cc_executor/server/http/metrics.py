"""What Prometheus scrapes. Values are read when it asks; nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from cc_executor.errors import NotPermitted
from cc_executor.model.principals import Scope
from cc_executor.ports.resources import Resources
from cc_executor.server.http.expectations import Expectations, Expected
from cc_executor.server.http.requests import who
from cc_executor.server.vitals import Vitals

_PREFIX: Final = "cc_executor"


class Metrics:
    """The handler.

    Args:
        vitals: Of the server.
        resources: Of the machine.
        gauges: Further values of the moment, by name and help.
        expected: What forecasts said.
    """

    def __init__(
        self,
        vitals: Vitals,
        resources: Resources,
        gauges: dict[tuple[str, str], Callable[[], float | None]],
        expected: Expected,
    ) -> None:
        self._expected = expected
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Now(vitals, resources, gauges))

    async def scrape(self, request: Request) -> Response:
        """`GET /metrics`: in the text format of Prometheus; needs `read`."""
        asking = who(request)
        if not asking.may(Scope.READ):
            raise NotPermitted(Scope.READ)
        theirs = CollectorRegistry(auto_describe=False)
        theirs.register(Expectations(self._expected, asking))
        text = generate_latest(self._registry) + generate_latest(theirs)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


class _Now(Collector):
    def __init__(
        self,
        vitals: Vitals,
        resources: Resources,
        gauges: dict[tuple[str, str], Callable[[], float | None]],
    ) -> None:
        self._vitals = vitals
        self._resources = resources
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """Yield every metric with its value of now; what is unknown is left out, never 0."""
        requests = CounterMetricFamily(
            f"{_PREFIX}_requests",
            "Requests answered, by door, method and outcome.",
            labels=("door", "what", "outcome"),
        )
        for labels, count in self._vitals.requests.items():
            requests.add_metric(labels, count)
        yield requests
        yield CounterMetricFamily(
            f"{_PREFIX}_sent_bytes", "Bytes of output sent.", value=self._vitals.sent_bytes
        )
        lag = self._vitals.lag()
        lags = GaugeMetricFamily(
            f"{_PREFIX}_loop_lag_seconds",
            "By how much the event loop was late, over the last minute.",
            labels=("quantile",),
        )
        for quantile, value in (("0.5", lag.p50_s), ("0.99", lag.p99_s), ("1", lag.max_s)):
            lags.add_metric((quantile,), value)
        yield lags
        yield from self._of_the_machine()
        for (name, text), read in self._gauges.items():
            now = read()
            if now is not None:
                yield GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=now)

    def _of_the_machine(self) -> Iterable[Metric]:
        sample = self._resources.latest()
        known = {
            ("memory_available_bytes", "Memory that could be used."): sample.memory_available_bytes,
            ("disk_free_bytes", "Free space of the state directory."): sample.disk_free_bytes,
            ("load1", "Runnable processes, over a minute."): sample.load and sample.load[0],
        }
        for (name, text), value in known.items():
            if value is not None:
                yield GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=value)
        pressure = GaugeMetricFamily(
            f"{_PREFIX}_pressure_percent",
            "Share of the last ten seconds in which something waited for it.",
            labels=("resource",),
        )
        for resource, one in sample.pressure.items():
            pressure.add_metric((resource,), one.some)
        yield pressure
