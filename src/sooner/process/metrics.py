"""The metrics of this process, for Prometheus.

Each web process counts by itself: with WEB_CONCURRENCY above 1, a scrape would reach one of them by chance.
Set PROMETHEUS_MULTIPROC_DIR to an empty folder that they share, and each of them answers for all
(prometheus-client, "Multiprocess Mode").
"""

import os
from functools import cache
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

_requests = Histogram(
    "sooner_http_request_duration_seconds",
    "From a request's head to the end of its answer, waits for jobs and event streams included.",
    ("method", "route", "status"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_lags = Histogram(
    "sooner_event_loop_lag_seconds",
    "How late the event loop of a web process wakes a task, looked at twice a second.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_notifications = Histogram(
    "sooner_notification_lag_seconds",
    "From sending a notification to its arrival in the same web process, every ten seconds.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
OF_POOLS = {
    "open": "Connections that the pool has open.",
    "in_use": "Connections of the pool that statements use.",
    "waiting": "Tasks that wait for a connection of the pool.",
}
_known: dict[tuple[str, str, int], Histogram] = {}


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request. `route` is its route's pattern, of which there are few."""
    key = (method if method in METHODS else "other", route, status)
    child = _known.get(key)
    if child is None:
        child = _known[key] = _requests.labels(key[0], route, str(status))
    child.observe(seconds)


def note_loop_lag(seconds: float) -> None:
    """Count how late the event loop woke a task."""
    _lags.observe(seconds)


def note_notification_lag(seconds: float) -> None:
    """Count the way of a notification."""
    _notifications.observe(seconds)


def note_pool(pool: str, shard: str, **numbers: int) -> None:
    """Tell of a pool's connections: `open`, `in_use`, `waiting`. The only shard has no name, and no label."""
    values = (pool, shard) if shard else (pool,)
    for name, number in numbers.items():
        _gauge(name, ("pool", "shard")[: len(values)]).labels(*values).set(number)


@cache
def _gauge(name: str, labels: tuple[str, ...]) -> Gauge:
    return Gauge(f"sooner_pool_{name}", OF_POOLS[name], labels, multiprocess_mode="livesum")


def text() -> bytes:
    """All metrics, in Prometheus's text format."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """Remove the gauges of processes that have ended: their connections are closed. What they counted stays."""
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass
