"""The databases of a move: its source, its target, and the home's, where the directory is."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sooner.db import Link, Query, Unavailable, transient
from sooner.db.link import Connection, rows

T = TypeVar("T")

#: The name by which movers leave each other's transactions out.
PROGRAM = "mover"
#: A large file may take a while.
COMMAND_SECONDS = 600.0
#: The copying from one database may stop for this long before the transaction in the other is rolled back.
IDLE_SECONDS = 60.0

#: A session that writes for tenants that move. Its plans walk along indexes, also in a database that nobody has analysed yet.
MOVING: Mapping[str, Any] = {"sooner.moving": "on", "enable_bitmapscan": "off", "enable_sort": "off"}

Row = Mapping[str, Any]


class MoveHalted(Exception):
    """The move stops here; the text is a sentence for whoever moves the tenant."""


class ShardLost(MoveHalted):
    """A shard's database was lost in the middle of a move."""

    def __init__(self, shard: str, reason: object) -> None:
        super().__init__(f"The database of shard {shard} is away: {reason}.")


class MoveEnd:
    """One database of a move, with a connection that may write for the tenant that moves.

    Every method raises ShardLost when the database is away.
    """

    def __init__(self, shard: str, url: str) -> None:
        self.shard = shard
        self._link = Link(
            url,
            PROGRAM,
            command_seconds=COMMAND_SECONDS,
            idle_seconds=IDLE_SECONDS,
            **MOVING,
        )

    async def run(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `use` on the connection."""
        try:
            return await self._link.run(use)
        except Unavailable as error:
            raise ShardLost(self.shard, error) from error

    async def run_whole(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """As `run`, in one transaction."""
        try:
            return await self._link.run_whole(use)
        except Unavailable as error:
            raise ShardLost(self.shard, error) from error

    async def rows(self, query: Query, **values: Any) -> Sequence[Row]:
        """The rows of a query."""
        return await self.run(lambda connection: rows(connection, query, **values))

    async def ids(self, query: Query, **values: Any) -> list[Any]:
        """The first column of a query's rows."""
        return [next(iter(row.values())) for row in await self.rows(query, **values)]

    async def read(self, reading: Awaitable[object]) -> None:
        """Await what reads here while something else writes elsewhere: the error of a lost connection names this database."""
        try:
            await reading
        except Exception as error:
            if transient(error):
                raise ShardLost(self.shard, error) from error
            raise

    async def close(self) -> None:
        """Disconnect."""
        await self._link.close()
