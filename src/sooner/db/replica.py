"""Reading without disturbing the queue: from a replica where there is one."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from sooner.db.database import Database
from sooner.db.queries import Query
from sooner.process import logs

log = logs.get(__name__)

#: The seconds to wait for a replica's answer: a pooler in front of a replica that is away lets its clients wait.
ANSWER_SECONDS = 5.0
#: The seconds between two probes of a replica that is away.
LOOK_SECONDS = 5.0


class Replica:
    """Named queries on the replica, or on the primary while the replica is away or where there is none.

    Its answers may be a moment old.
    """

    def __init__(self, primary: Database, replica: Database | None) -> None:
        self._primary = primary
        self._replica = replica
        self._connecting = asyncio.Lock()
        #: The probe that runs while the replica is away, so that no reader waits for the replica.
        self._looking: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Close the replica's pool."""
        if self._looking is not None:
            self._looking.cancel()
        if self._replica is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._replica.close()

    async def rows(self, query: Query, **values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query. Raises Unavailable when both are away."""
        if self._replica is not None and self._looking is None:
            try:
                return await self._from(self._replica, query, values)
            except Exception as error:  # noqa: BLE001 - the primary answers instead, whatever the replica's error
                log.warning(
                    "replica away: reading from the primary", error=str(error) or type(error).__name__
                )
                if self._looking is None:
                    self._looking = asyncio.create_task(self._look(self._replica, query, values))
        return await self._primary.rows(query, **values)

    async def _look(self, replica: Database, query: Query, values: Mapping[str, Any]) -> None:
        """Repeat a query on the replica until it answers."""
        while self._looking is not None:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(Exception):
                await self._from(replica, query, values)
                log.info("replica back")
                self._looking = None

    async def _from(
        self, replica: Database, query: Query, values: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        """The replica's rows. Raises TimeoutError, and the errors of a query."""
        reading = asyncio.create_task(self._read(replica, query, values))
        try:
            # asyncpg waits until the server confirms a cancellation, but a pooler confirms none of a query that it has not begun:
            # this does not wait for asyncpg.
            if not (await asyncio.wait([reading], timeout=ANSWER_SECONDS))[0]:
                raise TimeoutError("it does not answer in time")
            return reading.result()
        finally:
            reading.cancel()
            reading.add_done_callback(_forget)

    async def _read(
        self, replica: Database, query: Query, values: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        async with self._connecting:
            await replica.connect(wait_seconds=0)
        return await replica.rows(query, **values)

    async def row(self, query: Query, **values: Any) -> Mapping[str, Any] | None:
        """The first row of a query. Raises Unavailable when both are away."""
        rows = await self.rows(query, **values)
        return rows[0] if rows else None


def _forget(reading: "asyncio.Task[Any]") -> None:
    """Retrieve the exception of an abandoned read, so that asyncio does not log it."""
    if not reading.cancelled():
        reading.exception()
