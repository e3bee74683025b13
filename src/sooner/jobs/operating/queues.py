"""Queues as operators see them."""

from collections.abc import Collection, Mapping
from typing import Any

import asyncpg

from sooner.db import Database, Queries, Replica
from sooner.jobs.problem import NotFound

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

    async def pause(self, name: str, *, paused: bool) -> Mapping[str, Any]:
        """Stop or start claiming from a queue; the result is the queue afterwards. Raises NotFound."""
        await self._one(name)
        await self._database.run(SQL.pause, name=name, paused=paused)
        return await self._one(name)

    async def _one(self, name: str) -> Mapping[str, Any]:
        row = await self._database.row(SQL.stats, only=name, **self._values)
        if row is None:
            raise NotFound(f"There is no queue {name!r}.")
        return row
