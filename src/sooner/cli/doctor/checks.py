"""The checks: each returns a line with its finding, or raises CheckFailed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg

from sooner.blobs import StoreAway, Stores
from sooner.db import Queries, Query, budget, own_shard
from sooner.db.migrations import SQL as MIGRATIONS
from sooner.db.migrations import is_current, newest_revision

SQL = Queries("sooner.cli.doctor", "sql/doctor.sql")

CHANNEL = "sooner.doctor"
NOTIFY_SECONDS = 3.0
STORE_SECONDS = 3.0
MOST_SKEW_SECONDS = 1.0
MOST_CONNECTIONS_USED = 0.9
#: Autovacuum is far behind with more dead rows than this, and than this share of the living ones: it begins at a hundredth.
MOST_DEAD = 100_000
MOST_DEAD_SHARE = 0.2
LONGEST_TRANSACTION_SECONDS = 3600.0
#: autovacuum freezes at an age of 200,000,000 (autovacuum_freeze_max_age).
OLDEST_XIDS = 1_000_000_000
MOST_KEPT_BYTES = 1 << 30
#: A smaller table is not looked at, and a larger one may take so many bytes a row, results and indexes included.
LEAST_BLOAT_BYTES = 1 << 30
MOST_BYTES_A_ROW = 50_000


class CheckFailed(Exception):
    """A fault: its cause, and its remedy."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}: {remedy}")
        self.cause, self.remedy = cause, remedy


class NoTable(CheckFailed):
    """There is no table of jobs."""

    def __init__(self) -> None:
        super().__init__("there is no table dramatiq.queue", "restore it, or begin anew in an empty database")


@dataclass
class Deployment:
    """A deployment's database, on two connections; `listen` is the processes' LISTEN."""

    one: "asyncpg.Connection[Any]"
    two: "asyncpg.Connection[Any]"
    listen: bool
    is_pooled: bool = False
    blob_url: str | None = None
    #: SHARD, where it is given.
    shard: str | None = None

    async def row(self, query: Query) -> Any:
        """The row of a query."""
        return await self.one.fetchrow(query.text)


async def database(deployment: Deployment) -> str:
    """Whether the database answers."""
    row = await deployment.row(SQL.server)
    return f"PostgreSQL {row['version']}, database {row['name']}"


async def schema(deployment: Deployment) -> str:
    """Whether the schema has the revision that this code needs."""
    try:
        row = await deployment.row(MIGRATIONS.revision)
    except asyncpg.UndefinedTableError:
        raise CheckFailed("there is none", "alembic upgrade head") from None
    found = None if row is None else row["version_num"]
    if not is_current(found):
        said = f"at {found or 'no revision'}, this code needs {newest_revision()}"
        raise CheckFailed(said, "alembic upgrade head")
    return f"at revision {found}"


async def shard(deployment: Deployment) -> str:
    """Which shard this database is, and whether SHARD says so."""
    name = (await deployment.row(own_shard.SQL.own_name))["name"]
    if name is None:
        added = deployment.shard or "NAME"
        return f"nobody has added this database yet: python -m sooner shards add {added}"
    if deployment.shard not in (None, name):
        raise CheckFailed(
            f"SHARD is {deployment.shard}, and this database is shard {name}",
            "correct SHARD, or the address in DATABASE_URLS",
        )
    return f"this is shard {name}"


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
        raise CheckFailed("transaction mode, where nothing can listen", "set LISTEN=0 for web and worker")
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
        raise CheckFailed(
            "nothing arrives: is a pooler between?", "connect directly, or set LISTEN=0"
        ) from None
    return "arrive"


async def clocks(deployment: Deployment) -> str:
    """Whether this machine and the database agree on the time."""
    before = datetime.now(UTC)
    row = await deployment.row(SQL.clock)
    after = datetime.now(UTC)
    skew = (row["now"] - (before + (after - before) / 2)).total_seconds()
    if abs(skew) > MOST_SKEW_SECONDS:
        raise CheckFailed(
            f"the database is {skew:+.1f} s off this machine, and links, Retry-After and run_at will be, too",
            "set both by NTP",
        )
    if row["moved"]:
        raise CheckFailed(
            f"dramatiq.clock() is {row['moved']:+.0f} s off now(), as a test replaces it",
            "make it anew: create or replace function dramatiq.clock() … return now()",
        )
    return f"{skew:+.3f} s apart"


async def connections(deployment: Deployment) -> str:
    """Whether there are connections left."""
    limits = await deployment.row(budget.SQL.limits)
    place, limit, used = budget.narrowest(limits)
    said = f"{used} of {limit} connections that the {place} allows are used"
    running = {process: limits[process] for process in budget.LINKS}
    need = budget.needed(
        running, listen=deployment.listen, is_shard=limits["is_shard"], is_home=limits["is_home"]
    )
    named = ", ".join(f"{process} {count}" for process, count in running.items())
    if not deployment.is_pooled and need > limit:
        raise CheckFailed(f"{said}, and what runs ({named}) may need {need}", budget.REMEDY)
    if used > limit * MOST_CONNECTIONS_USED:
        raise CheckFailed(said, budget.REMEDY)
    return f"{said}; what runs ({named}) may need {need}, twice as many during a deploy"


async def dead_rows(deployment: Deployment) -> str:
    """Whether vacuum keeps up."""
    row = await deployment.row(SQL.dead)
    if row is None:
        raise NoTable
    said = f"{row['dead']} dead rows beside {row['live']} in dramatiq.queue"
    if row["oldest"] > LONGEST_TRANSACTION_SECONDS:
        raise CheckFailed(
            f"{said}; a transaction is open since {row['oldest']:.0f} s, so that nothing can be vacuumed",
            f"end it: select pg_terminate_backend({row['holder']})",
        )
    if row["dead"] > MOST_DEAD and row["dead"] > MOST_DEAD_SHARE * row["live"]:
        raise CheckFailed(said, "vacuum dramatiq.queue, and see whether autovacuum is on")
    return said


async def leases(deployment: Deployment) -> str:
    """Whether a living worker puts back the jobs of dead workers."""
    row = await deployment.row(SQL.leases)
    if row["overdue"] or row["orphans"]:
        held = f"{row['overdue']} leases ran out, {row['orphans']} jobs are held by nobody"
        if not row["living"]:
            raise CheckFailed(f"{held}, and no worker lives to put them back", "start one")
        return f"{held}: {row['living']} living workers are about to put them back"
    return f"{row['living']} living workers, nothing stuck"


async def stranded(deployment: Deployment) -> str:
    """Whether living workers would claim all due jobs."""
    rows = await deployment.one.fetch(SQL.stranded.text)
    if not rows:
        return "every due job has a worker that would claim it"
    if not rows[0]["living"]:
        raise CheckFailed(f"{sum(row['jobs'] for row in rows)} due jobs, and no worker lives", "start one")
    causes, remedies = zip(*map(_stranded, rows), strict=True)
    raise CheckFailed("; ".join(causes), "; ".join(dict.fromkeys(remedies)))


def _stranded(row: Any) -> tuple[str, str]:
    """Why no worker would claim these jobs, and the remedy."""
    jobs, queue = f"{row['jobs']} due jobs of actor {row['actor']}", row["declared"]
    if queue is None:
        return (
            f"{jobs}, which no living worker knows",
            "deploy it again, or cancel them, else they end as no-such-actor",
        )
    return f"{jobs}, whose queue {queue} no living worker serves", f"start one with --queues {queue}"


async def frozen(deployment: Deployment) -> str:
    """Whether vacuum freezes old rows before transaction ids run out (PostgreSQL documentation, chapter 24.1.5)."""
    row = await deployment.row(SQL.frozen)
    said = f"the oldest transaction id is {row['age']:,} transactions old"
    if row["age"] > OLDEST_XIDS:
        raise CheckFailed(
            f"{said}, and PostgreSQL takes no writes at 2,000,000,000",
            f"end old transactions and slots, then vacuum (freeze) in database {row['name']}",
        )
    return said


async def slots(deployment: Deployment) -> str:
    """Whether a replication slot that nobody reads keeps the log, and so fills the disk."""
    rows = await deployment.one.fetch(SQL.slots.text)
    wrong = [row for row in rows if row["kept"] > MOST_KEPT_BYTES or row["is_lost"]]
    if wrong:
        names = ", ".join(f"{row['name']} keeps {row['kept'] >> 20:,} MiB" for row in wrong)
        raise CheckFailed(
            f"replication slots that nobody reads: {names} of log",
            f"start their reader, or select pg_drop_replication_slot('{wrong[0]['name']}'); max_slot_wal_keep_size bounds them",
        )
    return f"{len(rows)} replication slots without a reader"


async def bloat(deployment: Deployment) -> str:
    """Whether table and indexes of jobs are much larger than their rows need, and whether autovacuum is on."""
    row = await deployment.row(SQL.bloat)
    if row is None:
        raise NoTable
    if not row["vacuums"]:
        raise CheckFailed(
            "autovacuum is off",
            "alter system set autovacuum = on; alter table dramatiq.queue reset (autovacuum_enabled)",
        )
    said = f"dramatiq.queue takes {row['bytes'] >> 20:,} MiB, {row['indexes'] >> 20:,} of them indexes, for about {row['live']:,} rows"
    if row["bytes"] > LEAST_BLOAT_BYTES and row["bytes"] > MOST_BYTES_A_ROW * max(row["live"], 1):
        raise CheckFailed(
            said, "reindex table concurrently dramatiq.queue; pg_repack shrinks the table beside load"
        )
    return said


async def blobs(deployment: Deployment) -> str:
    """Whether the store of BLOB_URL takes an object, gives it back and removes it."""
    key = f"doctor/{uuid4()}"
    try:
        store = Stores(deployment.blob_url, patience_seconds=STORE_SECONDS).chosen
        if store is None:
            return "lie in PostgreSQL"
        await store.put(key, b"doctor")
        [piece] = [piece async for piece in store.read(key, 0, 6)]
        await store.remove(key)
    except StoreAway as error:
        raise CheckFailed(str(error), "see BLOB_URL, its variables (.env.example) and its rights") from None
    return f"{deployment.blob_url} takes, gives back and removes {len(piece)} bytes"


#: The checks by urgency.
CHECKS: dict[str, Callable[[Deployment], Awaitable[str]]] = {
    "database": database,
    "schema": schema,
    "shard": shard,
    "transaction ids": frozen,
    "leases": leases,
    "stranded": stranded,
    "blobs": blobs,
    "pooler": pooler,
    "connections": connections,
    "notifications": notifications,
    "replication slots": slots,
    "dead rows": dead_rows,
    "bloat": bloat,
    "clocks": clocks,
}
#: The checks that find something where there is no schema.
WITHOUT_SCHEMA = (
    "database",
    "schema",
    "transaction ids",
    "blobs",
    "pooler",
    "connections",
    "notifications",
    "replication slots",
)
