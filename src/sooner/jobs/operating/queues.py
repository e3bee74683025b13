"""Queues as operators see them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import asyncpg

from sooner.db import Database, Queries, Replica

SQL = Queries("sooner.jobs.operating", "sql/queues.sql")

#: Waiting jobs are counted up to this number in each lane and priority, and estimated from a sample beyond it.
MOST = 10_000
#: The pages of the table in the sample.
PAGES = 1000
#: Jobs that ended within the last minute are counted up to this number.
ENDS = 20_000


class Queues:
    """Watches, pauses and resumes queues. Every method raises Unavailable when the database is away.

    A look costs the same however long the queues are: numbers are exact up to bounds, and estimates beyond them, which
    `judged` says.

    `declared` are the queues of this deployment's actors, which exist before their first job.
    """

    def __init__(
        self, database: Database, replica: Replica, declared: Collection[str], *, retention_seconds: float
    ) -> None:
        self._database = database
        self._replica = replica
        self._values = {
            "declared": sorted(declared),
            "retention": retention_seconds,
            "most": MOST,
            "pages": PAGES,
            "ends": ENDS,
        }

    async def all(self) -> list[Mapping[str, Any]]:
        """Every queue by name, with the numbers of its jobs."""
        return await self._replica.rows(SQL.stats, only=None, **self._values)

    async def table(self) -> Mapping[str, Any]:
        """The state of the primary's table of jobs and of its notification queue."""
        [row] = await self._database.rows(SQL.table)
        return row

    async def leases_lost(self) -> int:
        """How many leases ran out since the beginning."""
        try:
            row = await self._database.row(SQL.leases_lost)
        except asyncpg.UndefinedTableError:
            # Of the schema before 0021.
            return 0
        return 0 if row is None else int(row["value"])

    async def find(self, name: str) -> Mapping[str, Any] | None:
        """A queue with the numbers of its jobs; None where there is none."""
        return await self._database.row(SQL.stats, only=name, **self._values)

    async def pause(self, name: str, *, paused: bool) -> Mapping[str, Any]:
        """Stop or start claiming from a queue, which exists then; the result is the queue afterwards."""
        await self._database.run(SQL.pause, name=name, paused=paused)
        [row] = await self._database.rows(SQL.stats, only=name, **self._values)
        return row


#: The numbers of a queue that shards add up.
SUMS = ("waiting", "due", "processing", "finished_per_minute", "workers", "stranded")


def merged(shards: Iterable[Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The queues of several shards by name.

    A queue is paused where any shard's is: there its jobs wait, and nobody shall look for another cause.
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for queues in shards:
        for queue in queues:
            by_name.setdefault(queue["name"], []).append(queue)
    return [_together(by_name[name]) for name in sorted(by_name)]


def _together(queues: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    waited = [queue["oldest_waiting_seconds"] for queue in queues]
    return {
        **queues[0],
        **{number: sum(queue[number] for queue in queues) for number in SUMS},
        **{fact: any(queue[fact] for queue in queues) for fact in ("paused", "judged")},
        "oldest_waiting_seconds": max((seconds for seconds in waited if seconds is not None), default=None),
    }
