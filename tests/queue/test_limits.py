"""What may run at once, and how often: never exceeded by one."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from sooner.db import Query
from sooner.jobs.declaring.limit import Limit, Rate, row
from sooner.queue.claim import KEYS, SQL, Claimer, ServedLane
from sooner.queue.enqueue import LimitRow
from sooner.queue.finish import Ending, Finisher
from sooner.queue.lane import LAST, LIMITED, Lane
from sooner.queue.transitions import TRANSITIONS
from tests.queue.bench import Bench, bench
from tests.support.jobs import rows

LANE = "default.limited"
WAITS = "select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"


async def add(
    queue: Bench,
    key: str,
    count: int,
    *,
    most: int | None = None,
    tenant: str = "acme",
    priority: int = 1,
    **limit: float | None,
) -> list[UUID]:
    """Enqueue jobs under a limit."""
    values = {"interval_seconds": None, "burst": None} | limit
    await queue.enqueuer.limits([LimitRow(key, most, **values)])  # type: ignore[arg-type]
    return [await queue.add(lane=LANE, limit_key=key, tenant=tenant, priority=priority) for _ in range(count)]


async def claim(
    queue: Bench, batch: int = 100, *, query: Query = TRANSITIONS.claim_limited
) -> list[tuple[UUID, int]]:
    """Claim under limits once: what was taken."""
    [seen] = await queue.link.fetch(SQL.limited_keys, lane=LANE, after="")
    keys = [*seen["keys"], *seen["first_keys"]]
    rows = await queue.claim_rows(batch, query=query, lane=LANE, keys=keys)
    return [(row["message_id"], row["fence"]) for row in rows]


async def one_by_one(queue: Bench, count: int) -> list[UUID]:
    """The jobs that as many claims take, each for one free place."""
    return [id for _ in range(count) for id, _ in await claim(queue, 1)]


async def test_keys_share_the_places_by_turn(queue: Bench) -> None:
    flood = await add(queue, "a", 4, most=4, tenant="flood")
    single = await add(queue, "b", 2, most=4, tenant="single")

    assert await one_by_one(queue, 4) == [flood[0], single[0], flood[1], single[1]]


async def test_an_urgent_job_comes_first_whatever_its_key(queue: Bench) -> None:
    for number in range(KEYS + 10):
        await add(queue, f"a{number:02}", 1, most=1)
    urgent = await add(queue, "b", 1, most=1, priority=0)

    assert await one_by_one(queue, 1) == urgent


async def test_jobs_behind_a_key_at_its_limit_come_up(queue: Bench) -> None:
    full = await add(queue, "a", 100, most=1)
    free = await add(queue, "b", 2, most=4)

    assert await one_by_one(queue, 4) == [full[0], *free]


async def test_age_lets_lower_priorities_through_under_limits(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    low = await add(queue, "a", 1, most=4, priority=2)
    await add(queue, "a", 5, most=4, priority=0)
    assert await claim(queue, 1, query=TRANSITIONS.claim_limited_aged) == []

    await sql.execute("update dramatiq.queue set created_at = created_at - interval '61 seconds'")
    assert [id for id, _ in await claim(queue, 1, query=TRANSITIONS.claim_limited_aged)] == low


async def test_no_more_than_the_limit_run(queue: Bench) -> None:
    await add(queue, "a", 10, most=3)
    taken = await claim(queue)
    assert len(taken) == 3
    assert await claim(queue) == []
    assert await queue.finish(*taken[0])
    assert len(await claim(queue)) == 1


async def test_keys_count_apart(queue: Bench) -> None:
    await add(queue, "a", 5, most=1)
    await add(queue, "b", 5, most=2)
    assert len(await claim(queue)) == 3


async def test_whatever_ends_an_attempt_makes_room(queue: Bench) -> None:
    await add(queue, "a", 5, most=1)
    for state, outcome in (
        ("queued", {"counted": False}),
        ("rejected", {"error": "{}"}),
        ("cancelled", {}),
        ("done", {}),
    ):
        [(id, fence)] = await claim(queue)
        assert await queue.finish(id, fence, state, **outcome)
    assert len(await claim(queue)) == 1


async def test_a_lowered_limit_holds_for_what_begins_from_then_on(queue: Bench) -> None:
    await add(queue, "a", 5, most=3)
    taken = await claim(queue)
    await add(queue, "a", 1, most=1)
    for id, fence in taken[:2]:
        await queue.finish(id, fence)
    assert await claim(queue) == []
    await queue.finish(*taken[2])
    assert len(await claim(queue)) == 1


async def test_a_rate_lets_its_burst_through_and_then_one_at_a_time(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await add(queue, "a", 10, interval_seconds=60.0, burst=3)
    taken = await claim(queue)
    assert len(taken) == 3
    for id, fence in taken:
        await queue.finish(id, fence)
    assert await claim(queue) == []
    await sql.execute(
        "create or replace function dramatiq.clock() returns timestamptz language sql stable "
        "return pg_catalog.now() + interval '61 seconds'"
    )
    assert len(await claim(queue)) == 1
    assert await claim(queue) == []


async def test_a_loosened_rate_holds_nothing_for_the_former_interval(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await add(queue, "a", 5, interval_seconds=86400.0, burst=1)
    assert len(await claim(queue)) == 1

    await add(queue, "a", 0, interval_seconds=0.1, burst=2)
    await sql.execute(
        "create or replace function dramatiq.clock() returns timestamptz language sql stable "
        "return pg_catalog.now() + interval '1 second'"
    )
    assert len(await claim(queue)) == 2


async def test_a_deployment_brings_its_limits_to_the_keys_of_waiting_jobs(queue: Bench) -> None:
    for key in ("crawl", "crawl tenant='acme'", "crawler"):
        await add(queue, key, 5, most=1)
    assert len(await claim(queue)) == 3

    await queue.enqueuer.relimit([LimitRow("crawl", 3, None, None), LimitRow("other", 9, None, None)])

    assert len(await claim(queue)) == 4


async def test_many_workers_at_once_never_exceed_a_limit_by_one(database_url: str) -> None:
    most, running, worst = {"a": 1, "b": 3}, Counter[str](), Counter[str]()
    async with bench(database_url) as first:
        for key, limit in most.items():
            await add(first, key, 60, most=limit)
        rows = await first.link.run(
            lambda connection: connection.fetch("select message_id, limit_key from dramatiq.queue")
        )
        key_of = {row["message_id"]: row["limit_key"] for row in rows}

    async def work() -> int:
        ended, idle = 0, 0
        async with bench(database_url) as queue:
            while idle < 20:
                taken = await claim(queue, batch=random.randint(1, 5))
                idle = 0 if taken else idle + 1
                for id, _ in taken:
                    running[key_of[id]] += 1
                    worst[key_of[id]] = max(worst[key_of[id]], running[key_of[id]])
                await asyncio.sleep(random.random() / 500)
                for id, fence in taken:
                    running[key_of[id]] -= 1
                    await queue.finish(id, fence)
                    ended += 1
        return ended

    assert sum(await asyncio.gather(*(work() for _ in range(8)))) == 120
    assert worst == Counter(most)


async def lose_all(queue: Bench) -> None:
    """Their worker is gone."""
    await queue.link.run(lambda connection: connection.execute("delete from sooner.worker"))


async def recover(queue: Bench) -> None:
    """Put back the jobs of a worker that is gone."""
    await lose_all(queue)
    values = {"most_crashes": 3, "last": LAST, "limited": LIMITED, "error": "{}", "callbacks": "{}"}
    await queue.link.fetch(TRANSITIONS.recover, retention=60.0, **values)


async def cancel_overdue(queue: Bench) -> None:
    """Cancel the jobs of a worker that is gone, whose time is over."""
    await lose_all(queue)
    await queue.link.fetch(TRANSITIONS.cancel_overdue, retention=60.0, most=100)


async def finish(queue: Bench) -> None:
    """End the jobs."""
    await write(queue, "done")


async def give_back(queue: Bench) -> None:
    """Put the jobs back."""
    await write(queue, "queued")


async def write(queue: Bench, state: Any) -> None:
    """Write the endings of all jobs, as they come."""
    held = await queue.link.run(
        lambda connection: connection.fetch(
            "select message_id, fence, limit_key from dramatiq.queue order by created_at"
        )
    )
    endings = [
        Ending(row["message_id"], row["fence"], state, "{}", counted=False, limit_key=row["limit_key"])
        for row in held
    ]
    await Finisher(queue.link, retention=60)._write(endings)


async def change(queue: Bench) -> None:
    """Change the limits themselves."""
    await queue.enqueuer.limits([LimitRow(key, 7, None, None) for key in ("b", "B")])


@pytest.mark.parametrize("way", [finish, give_back, recover, cancel_overdue, change])
async def test_limits_are_locked_in_one_order(
    way: Callable[[Bench], Coroutine[Any, Any, None]],
    queue: Bench,
    sql: "asyncpg.Connection[asyncpg.Record]",
    database_url: str,
) -> None:
    for key in ("b", "B"):
        await add(queue, key, 1, most=4)
    assert len(await claim(queue)) == 2
    await sql.execute("update dramatiq.queue set cancel_at = now() - interval '1 second'")

    async with sql.transaction():
        await sql.execute("select from sooner.\"limit\" where key = 'b' for update")
        under_way = asyncio.create_task(way(queue))
        assert await rows(database_url, WAITS, sql.get_server_pid())
        # By their bytes, whatever the database's language says.
        free = "select key from sooner.\"limit\" where key = 'B' for update skip locked"
        assert await sql.fetch(free) == []
    await under_way


@dataclass
class Lease:
    """A lease that is held."""

    id: UUID

    def is_held(self) -> bool:
        return True


def claimer(queue: Bench, start: Callable[[Mapping[str, Any]], None]) -> Claimer:
    """What claims under limits for a worker with plenty of room, whose actor declares a limit of one."""
    limits = [LimitRow("echo", 1, None, None)]
    served = ServedLane(Lane.read(LANE), ["echo"], lambda: 1000, limits=limits)
    return Claimer(queue.link, Lease(queue.worker), [served], start, list)


async def rest(claims: Claimer) -> None:
    """Claim until no lane is worth another look."""
    claims.wake()
    await asyncio.wait_for(claims._next(), 30)


async def two_of_each(queue: Bench) -> list[str]:
    """Adds two jobs under each of more keys than a claim looks at, each with a limit of one."""
    keys = [f"key {number:02}" for number in range(KEYS + 10)]
    for key in keys:
        await add(queue, key, 2, most=1)
    return keys


async def test_claims_rest_while_many_keys_are_at_their_limit(queue: Bench) -> None:
    keys = await two_of_each(queue)
    started: list[Mapping[str, Any]] = []
    claims = claimer(queue, started.append)

    await rest(claims)
    assert len(started) == len(keys)

    await rest(claims)
    assert len(started) == len(keys)


async def test_room_under_a_first_key_is_found_while_claims_look_at_the_last_ones(queue: Bench) -> None:
    keys = await two_of_each(queue)
    started: list[Mapping[str, Any]] = []
    claims = claimer(queue, started.append)
    await rest(claims)
    await claims._claim(claims._served[LANE])

    await queue.enqueuer.limits([LimitRow(keys[0], 2, None, None)])
    await rest(claims)

    assert len(started) == len(keys) + 1


async def test_claims_write_limits_that_are_not_there(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    keys = await two_of_each(queue)
    # As at a clean-up between a submission's limit and its job, or before a job of long ago is retried.
    await sql.execute('delete from sooner."limit"')
    started: list[Mapping[str, Any]] = []
    claims = claimer(queue, started.append)

    await rest(claims)

    assert sorted(row["limit_key"] for row in started) == keys
    counted = await sql.fetch('select key, most, running from sooner."limit" order by key')
    assert [tuple(row) for row in counted] == [(key, 1, 1) for key in keys]


async def test_a_limit_that_came_meanwhile_keeps_its_count(queue: Bench) -> None:
    await add(queue, "a", 3, most=2)
    assert len(await claim(queue, 1)) == 1

    await queue.enqueuer.restore(LANE, ["a"], [LimitRow("echo", 9, None, None)])

    assert len(await claim(queue)) == 1


def test_a_key_is_the_actor_its_tenant_or_a_parameter() -> None:
    def key(limit: Limit, tenant: str = "acme", **params: object) -> str:
        made = row("crawl", limit, None, tenant, params)
        assert made is not None
        return made.key

    assert key(Limit(1)) == key(Limit(1), "other")
    assert key(Limit(1, per="tenant")) != key(Limit(1, per="tenant"), "other")
    assert key(Limit(1, per="site"), site="a") != key(Limit(1, per="site"), site="b")
    assert key(Limit(1, per="site"), site=["a" * 5000]) == key(Limit(1, per="site"), site=["a" * 5000])
    assert len(key(Limit(1, per="site"), site=["a" * 5000])) < 200


def test_a_rate_alone_counts_the_actor() -> None:
    assert row("crawl", None, Rate(10, seconds=60), "acme", {}) == LimitRow("crawl", None, 6.0, 10)
    assert row("crawl", None, None, "acme", {}) is None
