"""The pool of web and of async actors (`databases` on asyncpg)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sooner.db import hosts, link, retry
from sooner.db.breaker import Breaker
from sooner.db.queries import Query
from sooner.db.retry import Unavailable
from sooner.db.transaction import transaction

if TYPE_CHECKING:
    import databases


#: The most connections of a pool.
POOL_SIZE = 5


@dataclass(frozen=True, slots=True)
class PoolUse:
    """The connections of a pool, and the tasks that wait for one of them."""

    open: int
    in_use: int
    waiting: int


class Database:
    """Named queries on a pool.

    Every method raises Unavailable when the database is away.

    Without `direct`, a transaction-mode pooler may stand between, so every query is a transaction. With a `breaker` nobody waits
    for a database that is away.
    """

    def __init__(
        self, database: "databases.Database", *, direct: bool = True, breaker: Breaker | None = None
    ) -> None:
        self._database = database
        self._direct = direct
        self._breaker = breaker
        if breaker is not None:
            breaker.drops(self.drop)
        self._callers = 0

    @property
    def use(self) -> PoolUse:
        """The use of the pool now."""
        pool = self._database._backend._pool  # noqa: SLF001 - nothing else tells
        if pool is None:
            return PoolUse(0, 0, 0)
        in_use = pool.get_size() - pool.get_idle_size()
        return PoolUse(pool.get_size(), in_use, max(0, self._callers - in_use))

    async def connect(self, *, wait_seconds: float = 30) -> None:
        """Open the pool; waits for a database that is still starting."""
        await retry.first_connection(wait_seconds)(self._database.connect)

    async def close(self) -> None:
        """Close the pool."""
        if self._database.is_connected:
            await self._database.disconnect()

    async def drop(self) -> None:
        """Close all connections at once: who waits for an answer on one gets Unavailable. The next use opens another."""
        pool = self._database._backend._pool  # noqa: SLF001 - its own `terminate` closes the pool for good
        for holder in () if pool is None else pool._holders:  # noqa: SLF001
            holder.terminate()

    async def rows(self, query: Query, **values: Any) -> list[Mapping[str, Any]]:
        """All rows of a query."""
        async with self._guard(), self._connection() as connection:
            rows: list[Any] = await connection.fetch(query.positional, *query.arguments(values))
            return rows

    async def row(self, query: Query, **values: Any) -> Mapping[str, Any] | None:
        """The first row of a query."""
        rows = await self.rows(query, **values)
        return rows[0] if rows else None

    async def run(self, query: Query, **values: Any) -> None:
        """Run a query for its effect."""
        await self.rows(query, **values)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[link.Connection]:
        cancelled = None
        self._callers += 1
        try:
            async with self._database.connection() as taken:
                raw: link.Connection = taken.raw_connection
                try:
                    async with contextlib.nullcontext() if self._direct else transaction(raw):
                        yield raw
                except asyncio.CancelledError as error:
                    cancelled = error
                    raise
        except BaseException:
            # A connection that is lost while it is released would count as this task's, and as taken, for ever (databases 0.9).
            self._database._connection = None  # noqa: SLF001 - only its release forgets it otherwise
            if cancelled is not None:
                raise cancelled from None
            raise
        finally:
            self._callers -= 1

    @asynccontextmanager
    async def _guard(self) -> AsyncIterator[None]:
        try:
            if self._breaker is None:
                yield
            else:
                with self._breaker.use():
                    yield
        except Unavailable:
            raise
        except Exception as error:
            if not retry.transient(error):
                raise
            raise retry.unavailable(error) from error


def pool(
    url: str,
    name: str,
    *,
    size: int = POOL_SIZE,
    direct: bool = True,
    least: int = 1,
    breaker: Breaker | None = None,
) -> Database:
    """A pool of up to `size` connections; `connect` opens the least."""
    # `databases` imports SQLAlchemy, which the scheduler does not need.
    import databases

    return Database(
        databases.Database(
            "postgresql://",
            min_size=least,
            max_size=size,
            connect=hosts.connect,
            **link.options(url, name, direct=direct),
        ),
        direct=direct,
        breaker=breaker,
    )
