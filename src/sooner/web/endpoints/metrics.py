"""Prometheus's text over HTTP."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from sooner.web.all_shards import of_all
from sooner.web.endpoint import endpoint
from sooner.web.openapi.operation import Answer
from sooner.web.resources import Resources
from sooner.web.shard import Shard

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
    """This process's counters, and the numbers of the queues.

    Where shards have names each number of a database has the label `shard`. Of one that does not answer there is
    `sooner_shard_up` alone, which is 0.
    """
    resources: Resources = request.app.state.resources
    shards = resources.shards
    nothing = {actor: AttemptTotals(()) for actor in resources.every_actor}
    asked = await of_all(shards.values(), lambda shard: _measure(shard, nothing))
    label = ("shard",) if resources.several else ()
    measured: dict[tuple[str, ...], Measured] = {
        (name,) if label else (): its for name, its in asked.answers.items()
    }
    registry = CollectorRegistry()
    registry.register(_Measures(measured, label))
    registry.register(_Attempts(measured, label))
    if label:
        registry.register(_Up({name: name in asked.answers for name in shards}))
    return Response(metrics.text() + generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


@dataclass(frozen=True)
class Measured:
    """What a shard's database says; `attempts` by actor."""

    queues: Sequence[Mapping[str, Any]]
    table: Mapping[str, Any]
    leases_lost: int
    attempts: Mapping[str, AttemptTotals]


async def _measure(shard: Shard, nothing: Mapping[str, AttemptTotals]) -> Measured:
    queues = shard.queues
    return Measured(
        await queues.all(),
        await queues.table(),
        await queues.leases_lost(),
        dict(sorted({**nothing, **await shard.attempt_counts.totals()}.items())),
    )


class _Measures(Collector):
    """The numbers of queues and tables; `measured` by the value of the label, which is there where shards have names."""

    def __init__(self, measured: Mapping[tuple[str, ...], Measured], label: Sequence[str]) -> None:
        self._measured, self._label = measured, label

    def collect(self) -> Iterable[Metric]:
        for name, meaning in OF_QUEUES.items():
            gauge = GaugeMetricFamily(f"sooner_queue_{name}", meaning, labels=[*self._label, "queue"])
            for shard, its in self._measured.items():
                for queue in its.queues:
                    gauge.add_metric([*shard, queue["name"]], float(queue[name] or 0))
            yield gauge
        for name, meaning in OF_TABLE.items():
            gauge = GaugeMetricFamily(f"sooner_{name}", meaning, labels=self._label)
            for shard, its in self._measured.items():
                gauge.add_metric(shard, float(its.table[name] or 0))
            yield gauge
        lost = CounterMetricFamily(
            "sooner_leases_lost",
            "Leases that ran out: of workers that died or stood still.",
            labels=self._label,
        )
        for shard, its in self._measured.items():
            lost.add_metric(shard, its.leases_lost)
        yield lost


class _Attempts(Collector):
    def __init__(self, measured: Mapping[tuple[str, ...], Measured], label: Sequence[str]) -> None:
        self._totals = [
            ([*shard, actor], totals)
            for shard, its in measured.items()
            for actor, totals in its.attempts.items()
        ]
        self._labels = [*label, "actor"]

    def collect(self) -> Iterable[Metric]:
        outcomes = CounterMetricFamily(
            "sooner_attempts", "Attempts that have ended, by outcome.", labels=[*self._labels, "outcome"]
        )
        for labels, totals in self._totals:
            for outcome in OUTCOMES:
                outcomes.add_metric([*labels, outcome], totals.count(outcome))
        yield outcomes
        pieces = CounterMetricFamily(
            "sooner_output_pieces", "Pieces that jobs have put out.", labels=self._labels
        )
        for labels, totals in self._totals:
            pieces.add_metric(labels, totals.count("output"))
        yield pieces
        for measure, meaning in OF_ATTEMPTS.items():
            histogram = HistogramMetricFamily(
                f"sooner_attempt_{measure}_seconds", meaning, labels=self._labels
            )
            for labels, totals in self._totals:
                bounds = [*BOUNDS, math.inf]
                buckets = zip(map(floatToGoString, bounds), totals.within(measure, bounds), strict=True)
                histogram.add_metric(labels, list(buckets), totals.seconds(measure))
            yield histogram


class _Up(Collector):
    def __init__(self, shards: Mapping[str, bool]) -> None:
        self._shards = shards

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "sooner_shard_up", "1 where the shard answers; 0 where its numbers are missing.", labels=["shard"]
        )
        for name, answers in self._shards.items():
            up.add_metric([name], float(answers))
        yield up
