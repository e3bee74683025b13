"""Reading without disturbing the queue: from a replica where there is one."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Protocol

from sooner.db.bounded import answer
from sooner.db.database import Database, PoolUse
from sooner.db.queries import Query
from sooner.db.standby import SQL, Standby

#: The most seconds that a reader waits for the replica to catch up, or for the primary to say how far it is.
CATCH_UP_SECONDS = 0.2
#: The seconds between two looks at a replica that is behind.
LOOK_AGAIN_SECONDS = 0.01


class Reader(Protocol):
    """Named queries on one database."""

    async def rows(self, query: Query, **values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query."""

    async def row(self, query: Query, **values: Any) -> Mapping[str, Any] | None:
        """The first row of a query."""


class Replica:
    """Named queries on the replica; on the primary while the replica is away or behind, or where there is none.

    Nobody reads older rows than anybody has been told of: a reader waits until the replica has replayed all that the primary
    had committed when the reader came, or reads from the primary. While the primary is away, the replica's rows are the newest.
    """

    def __init__(self, primary: Database, replica: Database | None, *, follows_only: bool = False) -> None:
        self._primary = primary
        self._standby = None if replica is None else Standby(primary, replica, follows_only=follows_only)

    @property
    def use(self) -> PoolUse | None:
        """The use of the replica's pool now; None where there is no replica."""
        return None if self._standby is None else self._standby.use

    async def close(self) -> None:
        """Close the replica's pool."""
        if self._standby is not None:
            await self._standby.close()

    async def rows(self, query: Query, **values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query. Raises Unavailable when both are away."""
        return await (await self.reader()).rows(query, **values)

    async def row(self, query: Query, **values: Any) -> Mapping[str, Any] | None:
        """The first row of a query. Raises Unavailable when both are away."""
        return await (await self.reader()).row(query, **values)

    async def reader(self) -> Reader:
        """The database to read from now, for several queries of one answer."""
        standby = self._standby
        if standby is None or standby.is_away:
            return self._primary
        return standby if await self._catches_up(standby, await self._written()) else self._primary

    async def _written(self) -> int:
        """The position of the primary; 0 where it does not say so."""
        try:
            row = await answer(self._primary.row(SQL.written), CATCH_UP_SECONDS)
        except Exception:  # noqa: BLE001 - the primary is away, or is itself a standby now
            row = None
        return 0 if row is None else int(row["position"])

    async def _catches_up(self, standby: Standby, position: int) -> bool:
        """Whether the replica reaches a position in time."""
        until = time.monotonic() + CATCH_UP_SECONDS
        while rows := await standby.rows_if_there(SQL.replayed):
            if rows[0]["position"] >= position:
                return True
            if not rows[0]["follows"] or time.monotonic() > until:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return False
