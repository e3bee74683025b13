"""The metrics of this process, for Prometheus.

Each web process counts by itself: with WEB_CONCURRENCY above 1, a scrape would reach one of them by chance.
Set PROMETHEUS_MULTIPROC_DIR to an empty folder that they share, and each of them answers for all
(prometheus-client, "Multiprocess Mode").
"""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

_requests = Histogram(
    "sooner_http_request_duration_seconds",
    "From a request's head to the end of its answer, waits for jobs and event streams included.",
    ("method", "route", "status"),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_known: dict[tuple[str, str, int], Histogram] = {}


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request. `route` is its route's pattern, of which there are few."""
    key = (method if method in METHODS else "other", route, status)
    child = _known.get(key)
    if child is None:
        child = _known[key] = _requests.labels(key[0], route, str(status))
    child.observe(seconds)


def text() -> bytes:
    """All metrics, in Prometheus's text format."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
