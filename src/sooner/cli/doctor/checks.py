"""The checks: each returns a line with its finding, or raises CheckFailed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg

from sooner.db import Queries, Query
from sooner.web.endpoints.health import newest_revision

SQL = Queries("sooner.cli.doctor", "sql/doctor.sql")

CHANNEL = "sooner.doctor"
NOTIFY_SECONDS = 3.0
MOST_SKEW_SECONDS = 1.0
MOST_CONNECTIONS_USED = 0.9
MOST_DEAD = 100_000
LONGEST_TRANSACTION_SECONDS = 3600.0


class CheckFailed(Exception):
    """A fault, and its remedy."""


@dataclass
class Deployment:
    """A deployment's database, on two connections; `listen` is the processes' LISTEN."""

    one: "asyncpg.Connection[Any]"
    two: "asyncpg.Connection[Any]"
    listen: bool
    is_pooled: bool = False

    async def row(self, query: Query) -> Any:
        """The row of a query."""
        return await self.one.fetchrow(query.text)


async def database(deployment: Deployment) -> str:
    """Whether the database answers."""
    row = await deployment.row(SQL.server)
    return f"PostgreSQL {row['version']}, database {row['name']}"


async def schema(deployment: Deployment) -> str:
    """Whether the schema has the revision that this code needs."""
    needed = newest_revision()
    try:
        row = await deployment.row(SQL.revision)
    except asyncpg.UndefinedTableError:
        raise CheckFailed("there is none: alembic upgrade head") from None
    if row is None or row["version_num"] < needed:
        found = "no revision" if row is None else row["version_num"]
        raise CheckFailed(f"at {found}, this code needs {needed}: alembic upgrade head")
    return f"at revision {row['version_num']}"


async def pooler(deployment: Deployment) -> str:
    """Whether a pooler hands the same server connection to several clients."""
    before = await deployment.row(SQL.backend)
    async with deployment.two.transaction():
        await deployment.two.fetchrow(SQL.backend.text)
        after = await deployment.row(SQL.backend)
    deployment.is_pooled = before["pid"] != after["pid"]
    if not deployment.is_pooled:
        return "none, or one that keeps sessions"
    if deployment.listen:
        raise CheckFailed("transaction mode, where nothing can listen: set LISTEN=0 for web and worker")
    return "transaction mode, with LISTEN=0"


async def notifications(deployment: Deployment) -> str:
    """Whether notifications arrive."""
    if not deployment.listen:
        return "not listened for (LISTEN=0), everything polls"
    heard = asyncio.Event()
    await deployment.one.add_listener(CHANNEL, lambda *_: heard.set())
    await deployment.two.execute(f'notify "{CHANNEL}"')
    try:
        async with asyncio.timeout(NOTIFY_SECONDS):
            await heard.wait()
    except TimeoutError:
        raise CheckFailed("nothing arrives: is a pooler between? Connect directly, or set LISTEN=0") from None
    return "arrive"


async def clocks(deployment: Deployment) -> str:
    """Whether this machine and the database agree on the time."""
    before = datetime.now(UTC)
    row = await deployment.row(SQL.clock)
    after = datetime.now(UTC)
    skew = (row["now"] - (before + (after - before) / 2)).total_seconds()
    if abs(skew) > MOST_SKEW_SECONDS:
        raise CheckFailed(
            f"the database is {skew:+.1f} s off this machine: links, Retry-After and run_at will be, too"
        )
    if row["moved"]:
        raise CheckFailed(f"dramatiq.clock() is {row['moved']:+.0f} s off now(): a test has replaced it")
    return f"{skew:+.3f} s apart"


async def connections(deployment: Deployment) -> str:
    """Whether there are connections left."""
    row = await deployment.row(SQL.connections)
    said = f"{row['used']} of {row['most']} connections are used"
    if row["used"] > row["most"] * MOST_CONNECTIONS_USED:
        raise CheckFailed(f"{said}: raise max_connections, or put a pooler in front and set LISTEN=0")
    return said


async def dead_rows(deployment: Deployment) -> str:
    """Whether vacuum keeps up."""
    row = await deployment.row(SQL.dead)
    if row is None:
        raise CheckFailed("there is no table dramatiq.queue: restore it, or begin anew in an empty database")
    said = f"{row['dead']} dead rows beside {row['live']} in dramatiq.queue"
    if row["oldest"] > LONGEST_TRANSACTION_SECONDS:
        raise CheckFailed(
            f"{said}; a transaction is open since {row['oldest']:.0f} s: nothing can be vacuumed"
        )
    if row["dead"] > MOST_DEAD and row["dead"] > row["live"]:
        raise CheckFailed(f"{said}: vacuum dramatiq.queue, and see whether autovacuum is on")
    return said


async def leases(deployment: Deployment) -> str:
    """Whether a living worker puts back the jobs of dead workers."""
    row = await deployment.row(SQL.leases)
    if row["overdue"] or row["orphans"]:
        held = f"{row['overdue']} leases ran out, {row['orphans']} jobs are held by nobody"
        if not row["living"]:
            raise CheckFailed(f"{held}, and no worker lives to put them back: start one")
        return f"{held}: {row['living']} living workers are about to put them back"
    return f"{row['living']} living workers, nothing stuck"


async def stranded(deployment: Deployment) -> str:
    """Whether living workers would claim all due jobs."""
    rows = await deployment.one.fetch(SQL.stranded.text)
    if not rows:
        return "every due job has a worker that would claim it"
    if not rows[0]["living"]:
        raise CheckFailed(f"{sum(row['jobs'] for row in rows)} due jobs, and no worker lives: start one")
    raise CheckFailed(
        "; ".join(f"{row['jobs']} due jobs of actor {row['actor']}: {_cause(row)}" for row in rows)
    )


def _cause(row: Any) -> str:
    """Why no worker would claim these jobs, and the remedy."""
    if row["declared"] is None:
        return "no living worker knows it; deploy it again, or cancel them, else they end as no-such-actor"
    return f"no living worker serves its queue {row['declared']}; start one with --queues {row['declared']}"


#: The checks in their order; those behind `schema` need the schema.
CHECKS: dict[str, Callable[[Deployment], Awaitable[str]]] = {
    "database": database,
    "pooler": pooler,
    "notifications": notifications,
    "connections": connections,
    "schema": schema,
    "clocks": clocks,
    "dead rows": dead_rows,
    "leases": leases,
    "stranded": stranded,
}
