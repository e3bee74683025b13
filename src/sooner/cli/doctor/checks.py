"""The checks: each says in a line what it found; where that is wrong it raises Ill."""

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


class Ill(Exception):
    """What is wrong, and what helps."""


@dataclass
class Patient:
    """A deployment's database, on two connections; `listen` as the processes have it."""

    one: "asyncpg.Connection[Any]"
    two: "asyncpg.Connection[Any]"
    listen: bool
    is_pooled: bool = False

    async def row(self, query: Query) -> Any:
        """The row of a query."""
        return await self.one.fetchrow(query.text)


async def database(patient: Patient) -> str:
    """Whether it answers."""
    row = await patient.row(SQL.server)
    return f"PostgreSQL {row['version']}, database {row['name']}"


async def schema(patient: Patient) -> str:
    """Whether it is migrated."""
    needed = newest_revision()
    try:
        row = await patient.row(SQL.revision)
    except asyncpg.UndefinedTableError:
        raise Ill("there is none: alembic upgrade head") from None
    if row is None or row["version_num"] < needed:
        found = "no revision" if row is None else row["version_num"]
        raise Ill(f"at {found}, this code needs {needed}: alembic upgrade head")
    return f"at revision {row['version_num']}"


async def pooler(patient: Patient) -> str:
    """Whether a pooler hands the same server connection to several clients."""
    before = await patient.row(SQL.backend)
    async with patient.two.transaction():
        await patient.two.fetchrow(SQL.backend.text)
        after = await patient.row(SQL.backend)
    patient.is_pooled = before["pid"] != after["pid"]
    if not patient.is_pooled:
        return "none, or one that keeps sessions"
    if patient.listen:
        raise Ill("transaction mode, where nothing can listen: set LISTEN=0 for web and worker")
    return "transaction mode, with LISTEN=0"


async def notifications(patient: Patient) -> str:
    """Whether what is notified arrives."""
    if not patient.listen:
        return "not listened for (LISTEN=0), everything polls"
    heard = asyncio.Event()
    await patient.one.add_listener(CHANNEL, lambda *_: heard.set())
    await patient.two.execute(f'notify "{CHANNEL}"')
    try:
        async with asyncio.timeout(NOTIFY_SECONDS):
            await heard.wait()
    except TimeoutError:
        raise Ill("nothing arrives: is a pooler between? Connect directly, or set LISTEN=0") from None
    return "arrive"


async def clocks(patient: Patient) -> str:
    """Whether this machine and the database agree on the time."""
    before = datetime.now(UTC)
    row = await patient.row(SQL.clock)
    after = datetime.now(UTC)
    skew = (row["now"] - (before + (after - before) / 2)).total_seconds()
    if abs(skew) > MOST_SKEW_SECONDS:
        raise Ill(
            f"the database is {skew:+.1f} s off this machine: links, Retry-After and run_at will be, too"
        )
    if row["moved"]:
        raise Ill(f"dramatiq.clock() is {row['moved']:+.0f} s off now(): a test has replaced it")
    return f"{skew:+.3f} s apart"


async def connections(patient: Patient) -> str:
    """Whether there are connections left."""
    row = await patient.row(SQL.connections)
    said = f"{row['used']} of {row['most']} connections are used"
    if row["used"] > row["most"] * MOST_CONNECTIONS_USED:
        raise Ill(f"{said}: raise max_connections, or put a pooler in front and set LISTEN=0")
    return said


async def dead_rows(patient: Patient) -> str:
    """Whether vacuum keeps up."""
    row = await patient.row(SQL.dead)
    if row is None:
        raise Ill("there is no table dramatiq.queue: restore it, or begin anew in an empty database")
    said = f"{row['dead']} dead rows beside {row['live']} in dramatiq.queue"
    if row["oldest"] > LONGEST_TRANSACTION_SECONDS:
        raise Ill(f"{said}; a transaction is open since {row['oldest']:.0f} s: nothing can be vacuumed")
    if row["dead"] > MOST_DEAD and row["dead"] > row["live"]:
        raise Ill(f"{said}: vacuum dramatiq.queue, and see whether autovacuum is on")
    return said


async def leases(patient: Patient) -> str:
    """Whether what dead workers held comes back."""
    row = await patient.row(SQL.leases)
    if row["overdue"] or row["orphans"]:
        held = f"{row['overdue']} leases ran out, {row['orphans']} jobs are held by nobody"
        if not row["living"]:
            raise Ill(f"{held}, and no worker lives to put them back: start one")
        return f"{held}: {row['living']} living workers are about to put them back"
    return f"{row['living']} living workers, nothing stuck"


async def stranded(patient: Patient) -> str:
    """Whether a living worker would claim what is due."""
    rows = await patient.one.fetch(SQL.stranded.text)
    if not rows:
        return "every due job has a worker that would claim it"
    if not rows[0]["living"]:
        raise Ill(f"{sum(row['jobs'] for row in rows)} due jobs, and no worker lives: start one")
    raise Ill("; ".join(f"{row['jobs']} due jobs of actor {row['actor']}: {_cause(row)}" for row in rows))


def _cause(row: Any) -> str:
    """Why nobody would claim these jobs, and what helps."""
    if row["declared"] is None:
        return "no living worker knows it; deploy it again, or cancel them, else they end as no-such-actor"
    return f"no living worker serves its queue {row['declared']}; start one with --queues {row['declared']}"


#: In this order; what stands behind the schema needs it.
CHECKS: dict[str, Callable[[Patient], Awaitable[str]]] = {
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
