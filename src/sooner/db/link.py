"""A link: a connection of a part's own, which reconnects."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import asyncpg

from sooner.db import hosts, retry
from sooner.db.breaker import Breaker
from sooner.db.queries import Query
from sooner.db.retry import Silent, TenantMoves, Unavailable
from sooner.db.transaction import IDLE_SECONDS, transaction
from sooner.process.settings import address

T = TypeVar("T")

#: A link's few statements are planned once and never by a sequential scan: their tables grow later.
PLANS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}

CONNECT_SECONDS = 5
COMMAND_SECONDS = 60

Connection = asyncpg.Connection


class Link:
    """One asyncpg connection, kept for as long as its owner lives and replaced when it breaks.

    It saves the pool's reset, which is one more round trip a use. Callers take turns.

    Without `direct`, a transaction-mode pooler may stand between: each use is then one transaction, with the session's
    settings and unnamed statements inside it. PostgreSQL rolls a transaction back whose client stops for
    `idle_seconds`, so that nobody waits longer for its locks. With a `breaker` nobody waits for a database that is away.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        direct: bool = True,
        command_seconds: float = COMMAND_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        breaker: Breaker | None = None,
        **settings: str,
    ) -> None:
        self._breaker = breaker
        if breaker is not None:
            breaker.drops(self.drop)
        self._direct = direct
        self._idle_seconds = idle_seconds
        self._settings = {**PLANS, **settings}
        self._options = options(
            url, name, direct=direct, command_seconds=command_seconds, **(self._settings if direct else {})
        )
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    def run(self, use: Callable[[Connection], Awaitable[T]]) -> Coroutine[Any, Any, T]:
        """The result of `use` on the connection. Raises Unavailable when the database is away."""
        return self._run(use) if self._breaker is None else self._run_within(self._breaker, use)

    async def _run_within(self, breaker: Breaker, use: Callable[[Connection], Awaitable[T]]) -> T:
        with breaker.use():
            return await self._run(use)

    async def _run(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._turn:
            try:
                return await self._use(use, await self._connected())
            except Unavailable:
                raise
            except Exception as error:
                if not retry.transient(error):
                    raise
                away = retry.unavailable(error)
                if not isinstance(away, TenantMoves):
                    await self.drop()
                raise away from error

    async def _use(self, use: Callable[[Connection], Awaitable[T]], connection: Connection) -> T:
        if self._direct:
            return await use(connection)
        async with transaction(connection, self._settings, idle_seconds=self._idle_seconds):
            return await use(connection)

    async def run_whole(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """As `run`, in one transaction: all that `use` does, or nothing of it."""
        return await self.run(partial(self._within, use) if self._direct else use)

    async def _within(self, use: Callable[[Connection], Awaitable[T]], connection: Connection) -> T:
        async with transaction(connection, idle_seconds=self._idle_seconds):
            return await use(connection)

    async def fetch(self, query: Query, **values: Any) -> Sequence[Mapping[str, Any]]:
        """The rows of one query. Raises Unavailable when the database is away."""
        return await self.run(lambda connection: rows(connection, query, **values))

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await hosts.connect(**self._options)
            except TimeoutError as error:
                raise Silent("the database's host does not answer") from error
        return self._connection

    async def drop(self) -> None:
        """Close the connection at once; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def close(self) -> None:
        """Close the connection in order."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=1)
            except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()


async def rows(connection: Connection, query: Query, **values: Any) -> Sequence[Mapping[str, Any]]:
    """The rows of one query of several in a `run` or a `run_whole`."""
    found: Sequence[Any] = await connection.fetch(query.positional, *query.arguments(values))
    return found


async def connect(url: str, name: str) -> Connection:
    """A new connection outside any pool."""
    return await hosts.connect(**options(url, name))


def options(
    url: str, name: str, *, direct: bool = True, command_seconds: float = COMMAND_SECONDS, **settings: str
) -> dict[str, Any]:
    """Options of `hosts.connect` for a connection of ours to an address; a pooler between lets no more than a name pass."""
    cache = {} if direct else {"statement_cache_size": 0}
    return {
        "timeout": CONNECT_SECONDS,
        "command_timeout": command_seconds,
        "server_settings": {**address.unless_named(url, application_name=f"sooner {name}"), **settings},
        **cache,
        **address.for_asyncpg(url),
    }
