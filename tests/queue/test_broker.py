"""Synchronous code enqueues with the broker."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import dramatiq
import pytest

from sooner.jobs import job
from sooner.queue.broker import Broker
from tests.support.declaring import own_broker


@pytest.mark.parametrize("delay", [None, 60_000])
async def test_a_second_try_after_a_lost_answer_adds_no_second_job(
    broker: Broker, sql: "asyncpg.Connection[asyncpg.Record]", delay: int | None
) -> None:
    message: dramatiq.Message[Any] = dramatiq.Message("default", "echo", (), {"a": 1}, {})
    for _ in range(2):
        await asyncio.to_thread(broker.enqueue, message, delay=delay)
    [row] = await sql.fetch(
        "select message_id::text, message->'kwargs'->>'a' as a, due_at from dramatiq.queue"
    )
    assert (row["message_id"], row["a"], row["due_at"] is None) == (message.message_id, "1", delay is None)


async def test_more_threads_than_connections_send_at_the_same_time(
    broker: Broker, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    ready = threading.Barrier(40)

    def send() -> None:
        ready.wait()
        for _ in range(5):
            broker.actors["echo"].send()

    with ThreadPoolExecutor(40) as threads:
        await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(threads, send) for _ in range(40)))
    assert await sql.fetchval("select count(*) from dramatiq.queue") == 200


@pytest.mark.parametrize("direct", [True, False])
async def test_a_connection_plans_its_statement_once_where_no_pooler_stands_between(
    database_url: str, sql: "asyncpg.Connection[asyncpg.Record]", direct: bool
) -> None:
    with own_broker() as broker:
        actor = job()(_nothing)
    broker.open(database_url, retention=60.0, direct=direct)
    try:
        for _ in range(3):
            await asyncio.to_thread(actor.send)
        assert _prepared(broker) == (["sooner_enqueue_one"] if direct else [])
        # As a pooler does that lends each transaction another connection.
        _run(broker, "deallocate all")
        await asyncio.to_thread(actor.send)
        await asyncio.to_thread(actor.send)
        assert _prepared(broker) == []
    finally:
        broker.pool.closeall()
    assert await sql.fetchval("select count(distinct message_id) from dramatiq.queue") == 5


def _nothing() -> None: ...


def _prepared(broker: Broker) -> list[str]:
    """The statements that a connection of the pool has prepared, without what tells their texts apart."""
    return [name.rpartition("_")[0] for (name,) in _run(broker, "select name from pg_prepared_statements")]


def _run(broker: Broker, text: str) -> list[tuple[str]]:
    connection = broker.pool.getconn()
    try:
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []
    finally:
        broker.pool.putconn(connection)


async def test_a_unique_message_is_its_twins_while_that_waits(
    database_url: str, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    def tidy(folder: str = "all") -> None: ...

    with own_broker() as broker:
        actor = job(unique=True)(tidy)
    broker.open(database_url, retention=60.0)
    first, twin = await asyncio.to_thread(actor.send), await asyncio.to_thread(actor.send, "all")
    other = await asyncio.to_thread(actor.send, folder="one")
    await sql.execute("update dramatiq.queue set state = 'cancelled', finished_at = now()")
    again = await asyncio.to_thread(broker.enqueue, first), await asyncio.to_thread(actor.send)
    broker.pool.closeall()

    assert first.message_id == twin.message_id != other.message_id
    assert again[0].message_id == first.message_id != again[1].message_id
    assert await sql.fetchval("select count(*) from dramatiq.queue") == 3


async def test_a_message_is_as_urgent_as_its_actor_declares(
    database_url: str, sql: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    def hurry() -> None: ...

    with own_broker() as broker:
        actor = job(priority="high")(hurry)
    # A program that nobody has told where the database is looks into its environment.
    with pytest.raises(RuntimeError, match="DATABASE_URL: missing"):
        await asyncio.to_thread(actor.send)
    monkeypatch.setenv("DATABASE_URL", database_url)
    await asyncio.to_thread(actor.send)
    broker.pool.closeall()
    assert await sql.fetchval("select priority from dramatiq.queue") == 0
