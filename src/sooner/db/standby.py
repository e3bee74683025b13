"""The replica's database while it answers, the primary while it does not."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from sooner.db.bounded import answer
from sooner.db.database import Database, PoolUse
from sooner.db.queries import Queries, Query
from sooner.process import logs

SQL = Queries("sooner.db", "sql/replica.sql")

log = logs.get(__name__)

#: The seconds to wait for a replica's answer: a pooler in front of a replica that is away lets its clients wait.
ANSWER_SECONDS = 5.0
#: The seconds between two probes of a replica that is away.
LOOK_SECONDS = 5.0


class Promoted(Exception):
    """The server that was a standby is a primary now."""

    def __init__(self) -> None:
        super().__init__("it was promoted")


class Standby:
    """Named queries on the replica; on the primary while the replica is away.

    With `follows_only` a server that was promoted counts as away, until the replica's address leads to one that follows.
    """

    def __init__(self, primary: Database, replica: Database, *, follows_only: bool) -> None:
        self._primary = primary
        self._replica = replica
        self._follows_only = follows_only
        self._connecting = asyncio.Lock()
        #: The probe that runs while the replica is away, so that no reader waits for the replica.
        self._looking: asyncio.Task[None] | None = None

    @property
    def is_away(self) -> bool:
        """Whether the replica did not answer lately."""
        return self._looking is not None

    @property
    def use(self) -> PoolUse:
        """The use of the replica's pool now."""
        return self._replica.use

    async def close(self) -> None:
        """Close the replica's pool."""
        if self._looking is not None:
            self._looking.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._replica.close()

    async def rows(self, query: Query, **values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query. Raises Unavailable when both are away."""
        rows = await self.rows_if_there(query, **values)
        return await self._primary.rows(query, **values) if rows is None else rows

    async def row(self, query: Query, **values: Any) -> Mapping[str, Any] | None:
        """The first row of a query. Raises Unavailable when both are away."""
        rows = await self.rows(query, **values)
        return rows[0] if rows else None

    async def rows_if_there(self, query: Query, **values: Any) -> list[Mapping[str, Any]] | None:
        """All rows of a query on the replica; None while it is away."""
        if self._looking is not None:
            return None
        try:
            rows = await self._read(query, values)
            self._refuse_promoted(query, rows)
            return rows
        except Exception as error:  # noqa: BLE001 - the primary answers instead, whatever the replica's error
            log.warning("replica away: reading from the primary", error=str(error) or type(error).__name__)
            if self._looking is None:
                self._looking = asyncio.create_task(self._look(query, values))
            return None

    def _refuse_promoted(self, query: Query, rows: list[Mapping[str, Any]]) -> None:
        if self._follows_only and query is SQL.replayed and not rows[0]["follows"]:
            raise Promoted

    async def _look(self, query: Query, values: Mapping[str, Any]) -> None:
        """Repeat a query on the replica until it answers."""
        while self._looking is not None:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(Exception):
                if self._follows_only:
                    # A new connection goes to the host that follows now.
                    await answer(self._replica.close(), ANSWER_SECONDS)
                self._refuse_promoted(query, await self._read(query, values))
                log.info("replica back")
                self._looking = None

    async def _read(self, query: Query, values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The replica's rows. Raises TimeoutError, and the errors of a query."""
        return await answer(self._connected(query, values), ANSWER_SECONDS)

    async def _connected(self, query: Query, values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        async with self._connecting:
            await self._replica.connect(wait_seconds=0)
        return await self._replica.rows(query, **values)
