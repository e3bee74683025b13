"""A connection to each shard's database, for commands."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import asyncpg

from sooner.db import Link, Queries, Query, TenantMoves, own_shard, transient
from sooner.db.link import Connection
from sooner.db.migrations import SQL as MIGRATIONS
from sooner.db.migrations import is_current, newest_revision
from sooner.process.settings import HomeSettings

T = TypeVar("T")

SQL = Queries("sooner.cli.shards", "sql/shards.sql")

#: The most seconds that a command waits for one shard's database to say how it is.
ANSWER_SECONDS = 5.0
#: The most seconds that one statement may take: who has anything in a database is found by reading all its jobs.
COMMAND_SECONDS = 600.0


class ShardsError(Exception):
    """A command cannot do what it was asked for; the message says what to do."""


class ShardAway(ShardsError):
    """A shard's database does not answer."""

    def __init__(self, shard: str, error: BaseException) -> None:
        reason = " ".join(str(error).split()) or type(error).__name__
        super().__init__(
            f"shard {shard} is away ({reason}): see its address in DATABASE_URLS, and whether its database runs"
        )


class OnTheMove(ShardsError):
    """A tenant is being moved: the same call may be made again in a moment."""


class ShardLinks:
    """The shards that DATABASE_URLS names, each with a connection that is opened when it is first used."""

    def __init__(self, settings: HomeSettings, process: str) -> None:
        self.urls = settings.database_urls
        self.home = settings.home_shard or ""
        self._links = {
            name: Link(url, process, direct=False, command_seconds=COMMAND_SECONDS)
            for name, url in self.urls.items()
        }

    @property
    def names(self) -> Sequence[str]:
        """The shards' names, in the order of DATABASE_URLS."""
        return list(self.urls)

    def __getitem__(self, shard: str) -> Link:
        return self._links[shard]

    async def close(self) -> None:
        """Disconnect."""
        for link in self._links.values():
            await link.close()

    async def rows(self, shard: str, query: Query, /, **values: Any) -> Sequence[Mapping[str, Any]]:
        """The rows of a query in a shard's database. Raises ShardsError."""
        with told(shard):
            return await self._links[shard].fetch(query, **values)

    async def whole(self, shard: str, use: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `use` on a shard's connection, in one transaction. Raises ShardsError."""
        with told(shard):
            return await self._links[shard].run_whole(use)

    async def fault(self, shard: str) -> str | None:
        """Why nothing can be done with a shard's database, and what to do; None where all is well."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._check(shard)
        except TimeoutError as error:
            return str(ShardAway(shard, error))
        except ShardsError as error:
            return str(error)
        return None

    async def check(self, shard: str) -> None:
        """Raises ShardsError where nothing can be done with a shard's database."""
        if fault := await self.fault(shard):
            raise ShardsError(fault)

    async def _check(self, shard: str) -> None:
        found = await self._revision(shard)
        if not is_current(found):
            raise ShardsError(
                f"shard {shard}: its schema is at {found or 'no revision'}, this code needs {newest_revision()}: "
                "alembic upgrade head"
            )
        [own] = await self.rows(shard, own_shard.SQL.own_name)
        if own["name"] not in (None, shard):
            raise ShardsError(
                f"the database that DATABASE_URLS names {shard} says that it is shard {own['name']}: correct DATABASE_URLS"
            )

    async def _revision(self, shard: str) -> str | None:
        with told(shard):
            try:
                rows = await self._links[shard].fetch(MIGRATIONS.revision)
            except asyncpg.UndefinedTableError:
                return None
        return rows[0]["version_num"] if rows else None


@contextlib.contextmanager
def told(shard: str) -> Iterator[None]:
    """Raises ShardsError in place of the errors of a shard's database that an operator can mend."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise ShardsError(
            f"shard {shard}: {error}: this command needs the addresses of the schemas' owner in DATABASE_URLS"
        ) from None
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise ShardAway(shard, error) from None
    except asyncpg.UndefinedTableError:
        raise ShardsError(
            f"shard {shard}: its schema is older than this code: alembic upgrade head"
        ) from None
    except TenantMoves as error:
        raise OnTheMove(str(error)) from None
    except Exception as error:
        if not transient(error):
            raise
        raise ShardAway(shard, error) from None
