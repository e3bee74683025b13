"""Who stands still in the middle of a transaction holds nobody up for long."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from sooner.db import (
    Link,
    Query,
    Unavailable,
    pool,
)
from sooner.queue.enqueue import Enqueuer
from tests.queue.bench import Bench, job
from tests.support.processes import PATIENCE

NOTE = """
    create function note() returns trigger language plpgsql as $$ begin
      insert into noted select current_setting('idle_in_transaction_session_timeout');
      return null;
    end $$;
    create table noted (idle text);
    create trigger note after insert or update on dramatiq.queue for each statement execute function note();
"""


async def test_its_locks_are_free_and_it_begins_anew(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", database_url: str
) -> None:
    id = await queue.add()
    link = Link(database_url, "test", direct=False, idle_seconds=1)

    async def stand_still(connection: Any) -> None:
        await connection.execute("update dramatiq.queue set attempts = 1")
        # Waits for the lock that the line above took.
        await sql.execute("update dramatiq.queue set attempts = attempts + 2")
        await connection.execute("update dramatiq.queue set attempts = 4")

    with pytest.raises(Unavailable):
        await link.run(stand_still)

    await link.fetch(Query("read", "", "select 1"))
    assert await sql.fetchval("select attempts from dramatiq.queue where message_id = $1", id) == 2
    await link.close()


async def test_one_that_was_cancelled_or_failed_leaves_nothing_behind(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", database_url: str
) -> None:
    await queue.add()
    link = Link(database_url, "test", direct=False)
    written = asyncio.Event()

    async def hang(connection: Any) -> None:
        await connection.execute("update dramatiq.queue set attempts = 1")
        written.set()
        await connection.execute("select pg_sleep(60)")

    async def fail(connection: Any) -> None:
        await connection.execute("update dramatiq.queue set attempts = 1")
        await connection.execute("select 1/0")

    hanging = asyncio.create_task(link.run(hang))
    await written.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    with pytest.raises(asyncpg.DivisionByZeroError):
        await link.run(fail)

    await sql.execute("update dramatiq.queue set attempts = attempts + 2")
    read = Query("read", "", "select attempts from dramatiq.queue")
    [row] = await link.fetch(read)
    assert row["attempts"] == 2
    await link.close()


async def test_a_cancellation_gets_through_where_the_server_stands_still(cluster_url: str) -> None:
    link = Link(cluster_url, "test", direct=False)
    frozen = asyncio.get_running_loop().create_future()

    async def hang(connection: Any) -> None:
        pid = await connection.fetchval("select pg_backend_pid()")
        os.kill(pid, signal.SIGSTOP)
        frozen.set_result(pid)
        await connection.execute("select 1")

    hanging = asyncio.create_task(link.run(hang))
    pid = await frozen
    try:
        hanging.cancel()
        await asyncio.wait({hanging}, timeout=PATIENCE)
        assert hanging.cancelled()
        assert await link.fetch(Query("read", "", "select 1"))
    finally:
        os.kill(pid, signal.SIGCONT)
    await link.close()


async def by_link(url: str) -> None:
    link = Link(url, "test", direct=False)
    await Enqueuer(link).enqueue(job())
    await link.close()


async def by_pool(url: str) -> None:
    database = pool(url, "test", size=1, direct=False)
    await database.connect()
    await database.run(Query("write", "", "update dramatiq.queue set attempts = 0"))
    await database.close()


@pytest.mark.parametrize("write", [by_link, by_pool])
async def test_whatever_writes_in_more_than_one_step_has_a_bound(
    write: Callable[[str], Awaitable[None]],
    sql: "asyncpg.Connection[asyncpg.Record]",
    database_url: str,
) -> None:
    await sql.execute(NOTE)
    await write(database_url)
    assert {row["idle"] for row in await sql.fetch("select idle from noted")} == {"10s"}
