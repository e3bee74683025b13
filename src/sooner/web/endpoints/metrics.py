"""Prometheus's text over HTTP."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.operating.attempt_counts import OUTCOMES, AttemptTotals
from sooner.jobs.tenants.keys import Caller
from sooner.process import metrics
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.openapi.operation import Answer
from sooner.web.resources import Resources

OF_QUEUES = {
    "waiting": "Jobs that wait, postponed ones included.",
    "due": "Jobs that could be claimed now.",
    "processing": "Jobs that a worker holds.",
    "oldest_waiting_seconds": "How long the oldest due job has waited.",
    "finished_per_minute": "Jobs that came to a final state within the last minute.",
    "paused": "1 where operators paused the queue.",
    "workers": "Worker processes that take from the queue.",
    "stranded": "Due jobs that no living worker would claim.",
}
OF_TABLE = {
    "dead_tuples": "Dead row versions in the table of jobs, as its statistics have them.",
    "live_tuples": "Rows in the table of jobs, as its statistics have them.",
    "table_bytes": "Size of the table of jobs, indexes and large values included.",
    "notification_queue_usage_ratio": "How full PostgreSQL's notification queue is; at 1 commits fail.",
}
OF_ATTEMPTS = {
    "duration": "From an attempt's claim to its ending.",
    "waiting": "From when a job was due to its first attempt.",
}
BOUNDS = [float(f"{step}e{decade}") for decade in range(-3, 5) for step in (1, 2, 5)]


@endpoint(
    "GET", "/metrics", scope="admin", tag="Service", answers={200: Answer("The metrics.", media="text/plain")}
)
async def get_metrics(request: Request, who: Caller) -> Response:
    """This process's counters, and the numbers of the queues."""
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    registry = CollectorRegistry()
    queues = shard.queues
    registry.register(_Measures(await queues.all(), await queues.table(), await queues.leases_lost()))
    nothing = {actor: AttemptTotals(()) for actor in resources.every_actor}
    registry.register(_Attempts({**nothing, **await shard.attempt_counts.totals()}))
    return Response(metrics.text() + generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Measures(Collector):
    def __init__(
        self, queues: Iterable[Mapping[str, Any]], table: Mapping[str, Any], leases_lost: int
    ) -> None:
        self._queues, self._table, self._leases_lost = list(queues), table, leases_lost

    def collect(self) -> Iterable[Metric]:
        for name, meaning in OF_QUEUES.items():
            gauge = GaugeMetricFamily(f"sooner_queue_{name}", meaning, labels=["queue"])
            for queue in self._queues:
                gauge.add_metric([queue["name"]], float(queue[name] or 0))
            yield gauge
        for name, meaning in OF_TABLE.items():
            yield GaugeMetricFamily(f"sooner_{name}", meaning, value=float(self._table[name] or 0))
        yield CounterMetricFamily(
            "sooner_leases_lost",
            "Leases that ran out: of workers that died or stood still.",
            self._leases_lost,
        )


class _Attempts(Collector):
    def __init__(self, totals: Mapping[str, AttemptTotals]) -> None:
        self._totals = sorted(totals.items())

    def collect(self) -> Iterable[Metric]:
        outcomes = CounterMetricFamily(
            "sooner_attempts", "Attempts that have ended, by outcome.", labels=["actor", "outcome"]
        )
        for actor, totals in self._totals:
            for outcome in OUTCOMES:
                outcomes.add_metric([actor, outcome], totals.count(outcome))
        yield outcomes
        pieces = CounterMetricFamily(
            "sooner_output_pieces", "Pieces that jobs have put out.", labels=["actor"]
        )
        for actor, totals in self._totals:
            pieces.add_metric([actor], totals.count("output"))
        yield pieces
        for measure, meaning in OF_ATTEMPTS.items():
            histogram = HistogramMetricFamily(f"sooner_attempt_{measure}_seconds", meaning, labels=["actor"])
            for actor, totals in self._totals:
                bounds = [*BOUNDS, math.inf]
                buckets = zip(map(floatToGoString, bounds), totals.within(measure, bounds), strict=True)
                histogram.add_metric([actor], list(buckets), totals.seconds(measure))
            yield histogram
