"""Rows that come many at a time: what each costs does not grow with how many there are, on a table that was never analysed.

A function's plan is made when a session first calls it, often on an empty table, and holds for the life of the session.
"""

import asyncpg
import pytest

from sooner.db.link import PLANS
from sooner.queue.claim import SQL as CLAIM

ADOPTED = """
insert into dramatiq.queue (message_id, queue_name, state, message)
select gen_random_uuid(), 'default', 'queued', '{"actor_name": "echo"}' from generate_series(1, $1)
"""
POSTPONED = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, due_at)
select gen_random_uuid(), 'default', 'default', 'echo', '{}', 't' || n % 20, now() - interval '1 second'
from generate_series(1, $1) as n
"""
TOLD = """
select sum(sooner.tell_webhooks(gen_random_uuid(), 'acme', 'done')) from generate_series(1, $1)
"""
LIMITED = """
with made as (
  insert into dramatiq.queue (message_id, queue_name, lane, actor, message, limit_key, turn)
  select gen_random_uuid(), 'default', 'default', 'echo', '{}', 'key ' || n, 0 from generate_series(1, $1) as n
  returning limit_key
)
insert into sooner."limit" (key, most) select limit_key, 1 from made
"""
#: Rows and entries of indexes that this transaction has looked at.
LOOKED_AT = """
select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_xact_user_tables
where relid in ('dramatiq.queue'::regclass, 'sooner."limit"'::regclass)
"""
MANY = 1000
#: For one row: what a look at an index finds, and what an UPDATE fetches.
FEW = 12

Connection = asyncpg.Connection


async def looked_at(sql: "Connection[asyncpg.Record]", statement: str, *values: object) -> int:
    """What a statement looks at, in a session whose plans are made."""
    before = await sql.fetchval(LOOKED_AT)
    await sql.execute(statement, *values)
    return int(await sql.fetchval(LOOKED_AT) - before)


@pytest.fixture
async def fresh(sql: "Connection[asyncpg.Record]") -> "Connection[asyncpg.Record]":
    """A session on tables that are empty and were never analysed, in a transaction that never commits."""
    await sql.execute("begin")
    return sql


@pytest.mark.parametrize("statement", [ADOPTED, TOLD], ids=["adopted", "told"])
async def test_a_row_looks_at_as_much_among_many_as_alone(
    fresh: "Connection[asyncpg.Record]", statement: str
) -> None:
    await fresh.execute(
        "insert into sooner.webhook (id, tenant, url, events, secret)"
        " values (gen_random_uuid(), 'acme', 'https://a.test', '{job.done}', 'whsec_')"
    )
    await fresh.execute(statement, 1)
    assert await looked_at(fresh, statement, MANY) <= MANY * FEW


async def test_turns_follow_one_another(fresh: "Connection[asyncpg.Record]") -> None:
    await fresh.execute(ADOPTED, 3)
    await fresh.execute(ADOPTED, 3)
    turns = [row["turn"] for row in await fresh.fetch("select turn from dramatiq.queue order by turn")]
    assert turns == [turns[0] + step for step in range(6)]


async def test_postponed_jobs_are_promoted_by_one_look_a_backlog(fresh: "Connection[asyncpg.Record]") -> None:
    for setting, value in PLANS.items():
        await fresh.execute(f"set local {setting} = {value}")
    await fresh.execute(POSTPONED, 1)
    await fresh.execute(CLAIM.promote.positional)
    await fresh.execute(POSTPONED, MANY)
    assert await looked_at(fresh, CLAIM.promote.positional) <= MANY * FEW
    left = await fresh.fetchval("select count(*) from dramatiq.queue where due_at is not null")
    assert left == 0


async def test_a_claim_under_limits_looks_at_the_rows_of_its_keys_alone(
    fresh: "Connection[asyncpg.Record]",
) -> None:
    begin = (
        "update dramatiq.queue set state = 'consumed', worker = gen_random_uuid(), attempts = 1, fence = 1,"
        " started_at = now() where limit_key = any($1) and state = 'queued'"
    )
    await fresh.execute("set local enable_seqscan = off")
    await fresh.execute(LIMITED, 1)
    await fresh.execute(begin, ["key 1"])
    await fresh.execute("delete from dramatiq.queue")
    await fresh.execute('delete from sooner."limit"')
    await fresh.execute(LIMITED, MANY)
    # Only the trigger's own plan is in question.
    await fresh.execute("set local enable_seqscan = on")
    keys = [f"key {number}" for number in range(1, 51)]
    trigger = await looked_at(fresh, begin, keys)
    assert trigger <= len(keys) * FEW + 2 * MANY
