"""Beside a transaction that stays open, what was claimed since it began stays in the indexes: nobody walks over it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from sooner.db import Query
from sooner.db.link import PLANS
from sooner.queue.batch import Batch
from sooner.queue.claim import (
    BACK,
    LATE,
    SHARE,
    WHOLE_SECONDS,
    Rounds,
)
from sooner.queue.enqueue import statement
from sooner.queue.transitions import TRANSITIONS
from tests.queue.bench import Bench, job

LANE = "default"
HOOK = """
insert into sooner.webhook (id, tenant, url, events, secret)
values (gen_random_uuid(), 'acme', 'https://example.org', '{job.done}', 'secret')
"""


@pytest.fixture
async def old_transaction(
    database_url: str, sql: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database_url)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("select count(*) from dramatiq.queue")
        yield
    await connection.close()


async def go_through(queue: Bench, count: int) -> int:
    """So many jobs are added, claimed and finished one after another: the last one's round."""
    turn = 0
    for _ in range(count):
        await queue.add()
        [row] = await queue.claim_rows(query=TRANSITIONS.claim_since, since=[turn] * 3)
        turn = row["turn"]
        await queue.finish(row["message_id"], row["fence"])
    return turn


async def pages(sql: "asyncpg.Connection[asyncpg.Record]", query: Query, **values: Any) -> int:
    """How many pages a statement looks at."""
    explained = await sql.fetchval(
        "explain (analyze, buffers, format json) " + query.positional, *query.arguments(values)
    )
    return int(json.loads(explained)[0]["Plan"]["Shared Hit Blocks"])


async def test_claims_cost_the_same_beside_an_old_transaction(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", old_transaction: None
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    values = {"lane": LANE, "queue": LANE, "actors": ["echo"], "worker": queue.worker, "batch": 10}
    values |= {"threaded": [], "threads": 0}
    since, whole = [], []
    for count in (20, 600):
        turn = await go_through(queue, count)
        since.append(await pages(sql, TRANSITIONS.claim_since, since=[turn] * 3, **values))
        whole.append(await pages(sql, TRANSITIONS.claim, **values))

    assert since[1] <= since[0] + 20
    assert whole[1] > 5 * whole[0]


@pytest.mark.parametrize("kinds", [1, 2])
async def test_adding_costs_the_same_beside_an_old_transaction(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", old_transaction: None, kinds: int
) -> None:
    async def cost(rounds: dict[tuple[str, int], int]) -> int:
        news = [job(actor=actor) for actor in ("echo", "sleep")[:kinds]]
        query, values = statement(Batch(news, rounds))
        return await pages(sql, query, **{name: values[name] for name in query.parameters})

    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    known, unknown = [], []
    for count in (20, 600):
        turn = await go_through(queue, count)
        known.append(await cost({(LANE, 1): turn}))
        await sql.execute("delete from dramatiq.queue where state = 'queued'")
        unknown.append(await cost({}))
        await sql.execute("delete from dramatiq.queue where state = 'queued'")

    assert known[1] <= known[0] + 20
    assert unknown[1] > unknown[0] + 50


async def test_rounds_only_go_up_where_nobody_waits(queue: Bench) -> None:
    turns = [await go_through(queue, 1) for _ in range(3)]

    assert turns == sorted(set(turns))


async def test_a_tenant_that_comes_late_is_in_the_round_under_way(queue: Bench) -> None:
    for _ in range(30):
        await queue.add("flood")
    await queue.claim_rows(10)
    late = await queue.add("late")

    assert late in await queue.claim(2)


class Time:
    """A clock that stands."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def row(turn: int | None, priority: int = 1) -> dict[str, int | None]:
    return {"turn": turn, "priority": priority}


def test_claims_go_on_from_what_was_claimed_last() -> None:
    rounds = Rounds(now=Time())
    assert rounds.since(LANE) is None

    rounds.whole(LANE, 0.001)
    rounds.learn(LANE, [row(LATE + 9), row(LATE + 7), row(LATE + 5, priority=0)])

    assert rounds.since(LANE) == [5, 7, 0]


def test_now_and_then_a_claim_begins_with_the_first_round() -> None:
    rounds = Rounds(now=(time := Time()))
    rounds.learn(LANE, [row(LATE + 7)])
    rounds.whole(LANE, 0.001)
    time.seconds += WHOLE_SECONDS - 0.01
    assert rounds.since(LANE) is not None

    time.seconds += 0.01
    assert rounds.since(LANE) is None


def test_the_longer_such_a_claim_the_rarer_it_is() -> None:
    rounds = Rounds(now=(time := Time()))
    rounds.learn(LANE, [row(LATE + 7)])
    # The first may have been long since something stood still.
    for _ in range(2):
        rounds.whole(LANE, 1.0)
    time.seconds += 1 / SHARE - 0.01

    assert rounds.since(LANE) is not None


def test_what_came_back_is_looked_for_from_the_first_round() -> None:
    rounds = Rounds(now=Time())
    rounds.learn(LANE, [row(LATE + 7)])
    rounds.whole(LANE, 0.001)

    rounds.doubt(LANE)

    assert rounds.since(LANE) is None


@pytest.mark.parametrize(("turn", "expected"), [(LATE + 7, False), (6, True), (None, True)])
def test_a_claim_says_whether_it_found_what_had_come_back(turn: int | None, expected: bool) -> None:
    rounds = Rounds(now=Time())
    assert rounds.learn(LANE, [row(2 * LATE + 7)]) is False

    assert rounds.learn(LANE, [row(turn)]) is expected


def test_jobs_of_no_round_are_looked_for_from_the_start() -> None:
    assert Rounds(now=Time()).learn(LANE, [row(None)]) is True


async def test_whoever_delivers_is_told_that_a_round_may_have_come_before(
    queue: Bench, database_url: str, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    heard: list[tuple[str, str]] = []
    listener = await asyncpg.connect(database_url)
    for name in ("mail", "webhooks"):
        await listener.add_listener(
            f"dramatiq.{name}.enqueue", lambda *told: heard.append((str(told[2]), str(told[3])))
        )
    await sql.execute(HOOK)
    id = await queue.add(notify='[{"to": "ada@example.org", "url": "/jobs/1"}]')

    [row] = await queue.claim_rows()
    await queue.finish(id, row["fence"])
    await listener.fetchval("select 1")

    assert sorted(heard) == [("dramatiq.mail.enqueue", BACK), ("dramatiq.webhooks.enqueue", BACK)]
    await listener.close()
