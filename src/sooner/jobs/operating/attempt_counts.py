"""What became of the attempts at each actor's jobs: since the beginning, and by five minutes of the last days."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

import asyncpg

from sooner.db import Database, Queries, Replica

SQL = Queries("sooner.jobs.operating", "sql/attempt_counts.sql")

#: The outcomes of attempts. `interrupted`: a shutdown gave the job back; `lost`: the worker died with it.
OUTCOMES = ("done", "error", "cancelled", "interrupted", "lost")
#: The measures that are durations.
TIMES = ("duration", "waiting")
#: The days of history that are kept.
DAYS = 7
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

#: The upper bounds of buckets, in seconds, with the number of attempts in each.
Buckets = Mapping[float, int]


class AttemptTotals:
    """An actor's attempts since the beginning."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._buckets: dict[str, dict[float, int]] = {}
        self._seconds: dict[str, float] = {}
        for row in rows:
            measure = row["measure"]
            self._buckets.setdefault(measure, {})[row["at_most"]] = row["attempts"]
            self._seconds[measure] = self._seconds.get(measure, 0.0) + row["seconds"]

    def count(self, outcome: str) -> int:
        """The attempts with this outcome."""
        return sum(self._buckets.get(outcome, {}).values())

    def seconds(self, measure: str) -> float:
        """The sum of a duration."""
        return self._seconds.get(measure, 0.0)

    def within(self, measure: str, bounds: Sequence[float]) -> list[int]:
        """The attempts for which a duration is within each of these bounds, which ascend to infinity."""
        counts = [0] * len(bounds)
        for at_most, count in self._buckets.get(measure, {}).items():
            counts[bisect_left(bounds, at_most)] += count
        return list(accumulate(counts))


class AttemptCounts:
    """Reads the counts. Every method raises Unavailable when the database is away.

    The statement that ends attempts counts them, so the counts are those of the table of jobs, whatever dies.
    """

    def __init__(self, database: Database, replica: Replica) -> None:
        self._database = database
        self._replica = replica

    async def totals(self) -> dict[str, AttemptTotals]:
        """The attempts since the beginning by actor; they never shrink, so they come from the primary."""
        try:
            rows = await self._database.rows(SQL.totals)
        except asyncpg.UndefinedTableError:
            # Of the schema before 0024.
            return {}
        return {actor: AttemptTotals(its) for actor, its in groupby(rows, itemgetter("actor"))}

    async def history(self, actor: str, hours: int) -> Sequence[Mapping[str, Any]]:
        """What `steps` takes: the counts of each five minutes in which an attempt at an actor's jobs began or ended."""
        return await self._replica.rows(SQL.history, actor=actor, hours=hours)


def steps(shards: Iterable[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each five minutes of the histories of several shards together, the oldest first."""
    rows = sorted((row for its in shards for row in its), key=itemgetter("at"))
    return [_step(at, list(its)) for at, its in groupby(rows, itemgetter("at"))]


def _step(at: Any, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts: dict[str, Counter[float]] = {}
    for row in rows:
        counts.setdefault(row["measure"], Counter())[row["at_most"]] += row["attempts"]
    return {
        "at": at,
        **{measure: sum(counts.get(measure, {}).values()) for measure in ("begun", *OUTCOMES)},
        **{measure: _quantiles(counts.get(measure, {})) for measure in TIMES},
    }


def _quantiles(buckets: Buckets) -> dict[str, float | None]:
    return {name: quantile(buckets, share) for name, share in SHARES.items()}


def quantile(buckets: Buckets, share: float) -> float | None:
    """The bound within which at least that share of the attempts lies; None without attempts, and beyond the last bound."""
    rank, seen = math.ceil(share * sum(buckets.values())), 0
    for at_most in sorted(buckets):
        seen += buckets[at_most]
        if seen >= rank > 0:
            return at_most if math.isfinite(at_most) else None
    return None
