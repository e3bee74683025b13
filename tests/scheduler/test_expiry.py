"""What the schedules that come with Sooner remove, and what they leave alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sooner.db import Database, pool
from sooner.jobs import worker_resources
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.retention.expire import BATCH, Expiry
from sooner.outgoing import Network
from sooner.queue.ids import uuid7
from src import actors
from tests.scheduler.conftest import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

ADD_JOB = """
    insert into dramatiq.queue (message_id, actor, lane, message, state, result, finished_at, expires_at)
    select $1::uuid, 'echo', 'default', '{}', 'done', '{}', dramatiq.clock(), dramatiq.clock() + $2::interval
"""
ADD_JOBS = """
    insert into dramatiq.queue (message_id, actor, lane, message, state, result, finished_at, expires_at)
    select gen_random_uuid(), 'echo', 'default', '{}', 'done', '{}', dramatiq.clock(), dramatiq.clock()
    from generate_series(1, $1)
"""
ADD_UPLOAD = """
    with upload as (
      insert into sooner.upload (id, tenant, bytes, sha256, expires_at)
      values ($1, 'acme', $2, case when $2::bigint is not null then 'digest' end, dramatiq.clock() + $3::interval)
      returning id
    )
    insert into sooner.chunk (upload, position, data) select id, generate_series(0, 2), 'piece' from upload
"""
ADD_FILE = """
    with file as (
      insert into sooner.file (id, job, name, type, bytes, sha256)
      values ($1, $2, 'name', 'text/plain', 15, 'digest') returning id
    )
    insert into sooner.file_chunk (file, position, data) select id, generate_series(0, 2), 'piece' from file
"""
ADD_TOKEN = """
    insert into sooner.token (id, key, digest, expires_at)
    values ($1::uuid, $2, sha256($1::uuid::text::bytea), dramatiq.clock() + $3::interval)
"""
ADD_KEY = """
    insert into sooner.api_key (id, tenant, name, scopes, digest, expires_at, revoked_at)
    values ($1::uuid, 'acme', '', '{jobs}', sha256($1::uuid::text::bytea), dramatiq.clock() + $2::interval, $3)
"""
MINUTE = timedelta(minutes=1)
#: The result where nothing is expired.
NOTHING = {"jobs": 0, "uploads": 0, "files": 0, "ticks": 0, "limits": 0}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = pool(database_url, "test", size=1)
    await database.connect()
    worker_resources.lend(database, Network())
    yield database
    await database.close()


async def ids(db: asyncpg.Connection, table: str, column: str = "id") -> set[UUID]:
    return {row[column] for row in await db.fetch(f"select {column} from {table}")}


async def texts(db: asyncpg.Connection, query: str) -> list[str]:
    """The first column."""
    return [row[0] for row in await db.fetch(query)]


async def run(actor: str) -> dict[str, int]:
    """The result of an actor, called as a worker does."""
    found = actors.broker.actors[actor]
    assert isinstance(found, JobActor)
    result: dict[str, int] = await found()
    return result


async def test_final_jobs_past_their_time_go(db: asyncpg.Connection, database: Database) -> None:
    old, new, waiting, stock = (uuid7() for _ in range(4))
    await db.execute(ADD_JOB, old, -MINUTE)
    await db.execute(ADD_JOB, new, MINUTE)
    for id, expiry in ((waiting, -MINUTE), (stock, None)):
        await db.execute(
            "insert into dramatiq.queue (message_id, actor, lane, message, expires_at)"
            " values ($1, 'echo', 'default', '{}', dramatiq.clock() + $2::interval)",
            id,
            expiry,
        )
    assert await run("remove_expired_jobs") == NOTHING | {"jobs": 1}
    assert await ids(db, "dramatiq.queue", "message_id") == {new, waiting, stock}


async def test_more_than_a_batch_goes_in_batches(db: asyncpg.Connection, database: Database) -> None:
    await db.execute(ADD_JOBS, 2 * BATCH + 1)
    assert await Expiry(database).jobs() == 2 * BATCH + 1
    assert await ids(db, "dramatiq.queue", "message_id") == set()


async def test_a_row_that_someone_locks_is_neither_waited_for_nor_removed(
    db: asyncpg.Connection, database: Database, database_url: str
) -> None:
    read, free = uuid7(), uuid7()
    for id in (read, free):
        await db.execute(ADD_JOB, id, -MINUTE)
    async with connected(database_url) as other, other.transaction():
        await other.execute("select from dramatiq.queue where message_id = $1 for update", read)
        assert await Expiry(database).jobs() == 1
    assert await ids(db, "dramatiq.queue", "message_id") == {read}


async def test_each_batch_is_a_transaction_of_its_own(db: asyncpg.Connection, database: Database) -> None:
    # The second batch fails: the first one stays removed.
    await db.execute(ADD_JOBS, BATCH)
    last = uuid7()
    await db.execute(ADD_JOB, last, timedelta(0))
    await db.execute(f"""
        create function fail() returns trigger language plpgsql as 'begin raise exception ''no''; end';
        create trigger fail before delete on dramatiq.queue for each row
        when (old.message_id = '{last}') execute function fail()
    """)
    with pytest.raises(Exception, match="no"):
        await Expiry(database).jobs()
    assert await ids(db, "dramatiq.queue", "message_id") == {last}


async def test_uploads_past_their_time_go_with_their_pieces(
    db: asyncpg.Connection, database: Database
) -> None:
    whole, unfinished, new = uuid7(), uuid7(), uuid7()
    await db.execute(ADD_UPLOAD, whole, 15, -MINUTE)
    await db.execute(ADD_UPLOAD, unfinished, None, -MINUTE)
    await db.execute(ADD_UPLOAD, new, 15, MINUTE)
    assert await run("remove_expired_jobs") == NOTHING | {"uploads": 2}
    assert await ids(db, "sooner.upload") == {new}
    assert await ids(db, "sooner.chunk", "upload") == {new}


async def test_files_go_with_their_job(db: asyncpg.Connection, database: Database) -> None:
    old, new, lost, kept = (uuid7() for _ in range(4))
    await db.execute(ADD_JOB, old, -MINUTE)
    await db.execute(ADD_JOB, new, MINUTE)
    await db.execute(ADD_FILE, lost, old)
    await db.execute(ADD_FILE, kept, new)
    assert await run("remove_expired_jobs") == NOTHING | {"jobs": 1, "files": 1}
    assert await ids(db, "sooner.file") == {kept}
    assert await ids(db, "sooner.file_chunk", "file") == {kept}


async def test_ticks_of_long_ago_go_and_their_schedules_remember(
    db: asyncpg.Connection, database: Database
) -> None:
    await db.execute("""
        insert into sooner.schedule (name, actor, cron, timezone, since)
        values ('s', 'echo', '@hourly', 'UTC', '2020-01-01Z');
        insert into sooner.tick (schedule, tick, fence, fired_at)
        select 's', dramatiq.clock() + at, 1, dramatiq.clock() + at
        from unnest('{-60 days, -31 days, -29 days, 0}'::interval[]) as at;
        insert into sooner.tick (schedule, tick, fence, fired_at)
        values ('s', dramatiq.clock() + interval '1 year', 1, dramatiq.clock() - interval '60 days')
    """)
    assert await run("remove_expired_jobs") == NOTHING | {"ticks": 2}
    assert await db.fetchval("select count(*) from sooner.tick") == 3
    assert await db.fetchval(
        "select dramatiq.clock() - since between '30 days' and '32 days' from sooner.schedule"
    )


async def test_limits_go_that_hold_no_job_back(db: asyncpg.Connection, database: Database) -> None:
    await db.execute("""
        insert into sooner."limit" (key, most, running, interval_seconds, burst, next_at)
        select key, most, running, 60, 1, dramatiq.clock() + next_in
        from (values
          ('idle', 1, 0, null::interval), ('runs', 1, 1, null), ('waits', 1, 0, null), ('last waits', 1, 0, null),
          ('rested', null, 0, '-1 second'), ('rests', null, 0, '1 minute')
        ) as said (key, most, running, next_in)
    """)
    await db.execute("""
        insert into dramatiq.queue (message_id, lane, message, limit_key)
        select gen_random_uuid(), lane, '{"actor_name": "echo"}', key
        from (values ('default.limited', 'waits'), ('other.last.limited', 'last waits')) as waiting (lane, key)
    """)
    assert await run("remove_expired_jobs") == NOTHING | {"limits": 2}
    assert await texts(db, 'select key from sooner."limit" order by key') == [
        "last waits",
        "rests",
        "runs",
        "waits",
    ]


async def test_limits_go_in_batches_past_those_that_stay(db: asyncpg.Connection, database: Database) -> None:
    add = 'insert into sooner."limit" (key, most, running) select $1 || n, 1, $2 from generate_series(1, $3) as n'
    await db.execute(add, "runs ", 1, 2 * BATCH)
    await db.execute(add, "still ", 0, 2 * BATCH)
    assert await Expiry(database).limits() == 2 * BATCH
    assert await Expiry(database).limits() == 0


async def test_a_limit_that_a_claim_locks_stays(
    db: asyncpg.Connection, database: Database, database_url: str
) -> None:
    await db.execute("insert into sooner.\"limit\" (key, most) values ('claimed', 1), ('idle', 1)")
    async with connected(database_url) as other, other.transaction():
        await other.execute("select from sooner.\"limit\" where key = 'claimed' for update")
        assert await Expiry(database).limits() == 1
    assert await texts(db, 'select key from sooner."limit"') == ["claimed"]


async def test_expired_keys_go(db: asyncpg.Connection, database: Database) -> None:
    expired, good, forever, revoked = (uuid7() for _ in range(4))
    now = await db.fetchval("select dramatiq.clock()")
    await db.execute(ADD_KEY, expired, -MINUTE, None)
    await db.execute(ADD_KEY, good, MINUTE, None)
    await db.execute(ADD_KEY, forever, None, None)
    await db.execute(ADD_KEY, revoked, MINUTE, now)
    assert await run("expire_credentials") == {"keys": 1, "tokens": 0}
    assert await ids(db, "sooner.api_key") == {good, forever, revoked}


async def test_expired_tokens_go_and_those_of_expired_keys(
    db: asyncpg.Connection, database: Database
) -> None:
    gone, good = uuid7(), uuid7()
    await db.execute(ADD_KEY, gone, -MINUTE, None)
    await db.execute(ADD_KEY, good, None, None)
    of_gone, expired, kept = (uuid7() for _ in range(3))
    await db.execute(ADD_TOKEN, of_gone, gone, MINUTE)
    await db.execute(ADD_TOKEN, expired, good, -MINUTE)
    await db.execute(ADD_TOKEN, kept, good, MINUTE)
    assert await run("expire_credentials") == {"keys": 1, "tokens": 1}
    assert await ids(db, "sooner.token") == {kept}


async def test_nothing_to_remove(db: asyncpg.Connection, database: Database) -> None:
    assert await run("remove_expired_jobs") == NOTHING
    assert await run("expire_credentials") == {"keys": 0, "tokens": 0}
