"""The pool."""

import asyncio
import os
import signal

import asyncpg
import pytest

from sooner.db import Link, Query, Unavailable, pool
from sooner.db.array_types import ARRAYS
from sooner.db.database import PoolUse
from tests.support.processes import PATIENCE
from tests.support.rows import until

#: What asyncpg calls when a connection is given back: the server hangs up.
CUT = """
    create schema elsewhere;
    create function elsewhere.pg_advisory_unlock_all() returns boolean language sql
      return pg_terminate_backend(pg_backend_pid());
"""


async def test_a_connection_that_is_lost_as_it_is_given_back_is_no_loss_to_its_task(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(CUT)
    await connection.close()
    database = pool(database_url, "test", size=1)
    await database.connect()

    with pytest.raises(Unavailable):
        await database.run(
            Query("lose", "", "select set_config('search_path', 'elsewhere, pg_catalog', false)")
        )

    row = await database.row(Query("read", "", "select 1 as one"))
    assert row is not None
    assert row["one"] == 1
    await database.close()


@pytest.mark.parametrize("direct", [True, False])
async def test_a_cancellation_gets_through_where_the_connection_is_lost_meanwhile(
    cluster_url: str, *, direct: bool
) -> None:
    database = pool(cluster_url, "test", size=1, direct=direct)
    await database.connect()
    other = await asyncpg.connect(cluster_url)
    hanging = asyncio.create_task(database.run(Query("hang", "", "select pg_sleep(600)")))
    pid = await until(other, "select pid from pg_stat_activity where query = 'select pg_sleep(600)'")

    # What is cancelled waits for the server's word, and the server hangs up instead.
    os.kill(pid, signal.SIGSTOP)
    hanging.cancel()
    await asyncio.wait({hanging}, timeout=0.2)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)

    await asyncio.wait({hanging}, timeout=PATIENCE)
    assert hanging.cancelled()
    assert await database.row(Query("read", "", "select 1"))
    await other.close()
    await database.close()


async def test_the_use_of_a_pool_tells_who_waits(cluster_url: str) -> None:
    database = pool(cluster_url, "test", size=1)
    assert database.use == PoolUse(open=0, in_use=0, waiting=0)
    await database.connect()
    assert database.use == PoolUse(open=1, in_use=0, waiting=0)
    slow = Query("slow", "", "select pg_sleep(0.2)")
    running = [asyncio.create_task(database.run(slow)) for _ in range(3)]
    # Each task goes as far as it can without an answer.
    await asyncio.sleep(0)

    assert database.use == PoolUse(open=1, in_use=1, waiting=2)
    running[2].cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert database.use == PoolUse(open=1, in_use=0, waiting=0)
    await database.close()


async def test_the_types_of_arrays_are_those_of_the_server(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "select typname, oid, typelem from pg_type where typname = any($1::text[])", list(ARRAYS)
    )
    await connection.close()

    assert {row["typname"]: (row["oid"], row["typelem"]) for row in rows} == ARRAYS


async def test_no_connection_asks_the_server_about_arrays(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", None)
    given = {name: f":{name}::{name}" for name in ARRAYS}
    query = Query("arrays", "", f"select {', '.join(given.values())}")
    database, link = pool(database_url, "test", size=1), Link(database_url, "test")
    await database.connect()

    for read in (database.rows, link.fetch):
        [row] = await read(query, **{name: [] for name in given})
        assert list(row.values()) == [[] for _ in given]

    await link.close()
    await database.close()
