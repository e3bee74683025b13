"""Whose turn it is: priorities, age, and one job a round for each tenant."""

import asyncpg

from sooner.queue.claim import SQL
from sooner.queue.transitions import TRANSITIONS
from tests.queue.bench import Bench, job

HIGH, NORMAL, LOW = 0, 1, 2


async def test_within_a_tenant_the_oldest_comes_first(queue: Bench) -> None:
    added = [await queue.add() for _ in range(5)]
    assert await queue.claim(3) == added[:3]
    assert await queue.claim(3) == added[3:]


async def test_a_higher_priority_comes_first_whatever_its_age(queue: Bench) -> None:
    low, normal, high = [await queue.add(priority=priority) for priority in (LOW, NORMAL, HIGH)]
    assert await queue.claim() == [high, normal, low]


async def test_a_single_job_waits_for_one_job_of_a_flood(queue: Bench) -> None:
    flood = [await queue.add("flood") for _ in range(50)]
    assert await queue.claim(10) == flood[:10]
    single = await queue.add("single")
    assert single in await queue.claim(2)


async def test_a_flood_in_one_statement_is_in_line_like_any_other(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await queue.enqueuer.insert([job(tenant="flood") for _ in range(200)])
    singles = [await queue.add(f"tenant-{n}") for n in range(5)]
    assert set(singles) <= set(await queue.claim(7))
    turns = await sql.fetchval("select count(distinct turn) from dramatiq.queue where tenant = 'flood'")
    assert turns == 200


async def test_tenants_take_turns(queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    for tenant, count in (("a", 20), ("b", 10), ("c", 5)):
        for _ in range(count):
            await queue.add(tenant)
    claimed = await queue.claim(15)
    rows = await sql.fetch(
        "select tenant, count(*) from dramatiq.queue where message_id = any($1) group by 1", claimed
    )
    assert {row["tenant"]: row["count"] for row in rows} == {"a": 5, "b": 5, "c": 5}


async def test_jobs_without_a_tenant_are_one_tenant(queue: Bench) -> None:
    operators = [await queue.add(None) for _ in range(10)]
    tenants = await queue.add("acme")
    assert set(await queue.claim(2)) == {operators[0], tenants}


async def test_age_lets_lower_priorities_through(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    low = await queue.add(priority=LOW)
    for _ in range(5):
        await queue.add(priority=HIGH)
    assert await queue.claim(1, query=TRANSITIONS.claim_aged) == []
    await sql.execute("update dramatiq.queue set created_at = created_at - interval '61 seconds'")
    assert await queue.claim(1, query=TRANSITIONS.claim_aged) == [low]


async def test_a_promoted_job_is_in_line_from_when_it_is_due(queue: Bench) -> None:
    postponed = await queue.add("late", delay=0.001)
    flood = [await queue.add("flood") for _ in range(3)]
    [row] = await queue.link.fetch(SQL.promote)
    assert row["promoted"] == 1
    assert set(await queue.claim(2)) == {flood[0], postponed}


async def test_a_paused_queue_is_not_claimed_from(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    added = await queue.add()
    await sql.execute("insert into sooner.queue values ('default', true)")
    assert await queue.claim() == []
    await sql.execute("update sooner.queue set paused = false")
    assert await queue.claim() == [added]


async def test_an_unknown_actor_is_left_to_those_who_know_it(queue: Bench) -> None:
    await queue.add(actor="newer")
    known = await queue.add()
    assert await queue.claim() == [known]


async def test_a_worker_without_a_lease_claims_nothing(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await queue.add()
    await sql.execute("delete from sooner.worker")
    assert await queue.claim() == []
