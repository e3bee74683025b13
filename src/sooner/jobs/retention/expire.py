"""Removing expired rows in small batches, each a short transaction of its own, with a rest as long after it."""

import asyncio
import time
from typing import Any

from sooner.blobs import Stores
from sooner.db import Database, Queries, Query
from sooner.jobs.files.blobs import Blobs
from sooner.queue.transitions import TRANSITIONS

SQL = Queries("sooner.jobs.retention", "sql/expire.sql")

BATCH = 500
#: An upload or a file may have thousands of pieces, all of which go with it.
CHUNKED_BATCH = 4
TICKS_KEPT_SECONDS = 30 * 86400


class Expiry:
    """Removes expired rows; every method returns their number.

    Methods raise Unavailable when the database is away; batches removed before stay removed.
    """

    def __init__(self, database: Database, stores: Stores | None = None) -> None:
        self._database = database
        self._blobs = Blobs(database, stores or Stores())

    async def jobs(self) -> int:
        """Final jobs past their `expires_at`, with all that belongs to them."""
        return await self._remove(TRANSITIONS.remove, BATCH)

    async def uploads(self) -> int:
        """Uploads past their time."""
        return await self._remove(SQL.uploads, CHUNKED_BATCH)

    async def files(self) -> int:
        """Files of jobs that are gone."""
        return await self._remove(SQL.files, CHUNKED_BATCH)

    async def blobs(self) -> int:
        """Objects of removed uploads and files. Raises StoreAway once those in other stores are removed."""
        return await self._blobs.remove_orphans()

    async def ticks(self) -> int:
        """Ticks of more than 30 days ago."""
        return await self._remove(SQL.ticks, BATCH, kept=TICKS_KEPT_SECONDS)

    async def keys(self) -> int:
        """Expired API keys."""
        return await self._remove(SQL.keys, BATCH)

    async def tokens(self) -> int:
        """Expired tokens."""
        return await self._remove(SQL.tokens, BATCH)

    async def limits(self) -> int:
        """Limits that are as good as new: under each tenant or parameter that limits count apart, one would stay for ever."""
        removed, after = 0, ""
        while after is not None:
            began = time.monotonic()
            [row] = await self._database.rows(SQL.limits, after=after, batch=BATCH)
            removed += row["removed"]
            after = row["next"]
            if after is not None:
                await asyncio.sleep(time.monotonic() - began)
        return removed

    async def _remove(self, query: Query, batch: int, **values: Any) -> int:
        removed, last = 0, batch
        while last == batch:
            began = time.monotonic()
            [row] = await self._database.rows(query, batch=batch, **values)
            last = int(row["removed"])
            removed += last
            if last == batch:
                await asyncio.sleep(time.monotonic() - began)
        return removed
