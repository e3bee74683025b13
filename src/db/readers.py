"""Reading where it does not disturb the queue: from a replica where there is one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from src import logs
from src.db.database import Database
from src.db.queries import Query

log = logs.get(__name__)

#: A replica that failed is left alone this long.
REST_SECONDS = 5.0


class Readers:
    """Named queries on the replica, on the primary while the replica is away or where there is none.

    What it answers may lie a moment back.
    """

    def __init__(self, primary: Database, replica: Database | None) -> None:
        self._primary = primary
        self._replica = replica
        self._rests_until = 0.0
        self._connecting = asyncio.Lock()

    async def close(self) -> None:
        """Close the replica's pool."""
        if self._replica is not None:
            await self._replica.close()

    async def rows(self, query: Query, **values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query. Raises Unavailable when both are away."""
        if self._replica is not None and time.monotonic() >= self._rests_until:
            try:
                return await self._from(self._replica, query, values)
            except Exception as error:  # noqa: BLE001 - whatever ails a replica, the primary can answer instead
                log.warning("replica away: reading from the primary", error=str(error))
                self._rests_until = time.monotonic() + REST_SECONDS
        return await self._primary.rows(query, **values)

    async def _from(
        self, replica: Database, query: Query, values: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        async with self._connecting:
            await replica.connect(wait_seconds=0)
        return await replica.rows(query, **values)

    async def row(self, query: Query, **values: Any) -> Mapping[str, Any] | None:
        """The first row of a query. Raises Unavailable when both are away."""
        rows = await self.rows(query, **values)
        return rows[0] if rows else None
