"""What statements cost, whatever the size of the table: rows times loops of every node of the real plan."""

import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from sooner.db import Query, joined
from sooner.db.link import PLANS
from sooner.jobs.operating.attempt_counts import SQL as ATTEMPTS
from sooner.jobs.operating.queues import SQL as QUEUES
from sooner.jobs.output.writer import SQL as OUTPUT
from sooner.queue.batch import Batch
from sooner.queue.claim import SQL as CLAIM
from sooner.queue.enqueue import LimitRow, statement
from sooner.queue.finish import Ending, texts
from sooner.queue.transitions import TRANSITIONS
from tests.queue.bench import Bench, job

STATS = QUEUES.stats
FILL = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, state, finished_at, result, turn, due_at)
select gen_random_uuid(), 'default', lane, 'echo', '{}', 't' || n % $2::integer, state, finished, result, n, due
from generate_series(1, $1::integer) as n, (values
  ('default', 'queued'::dramatiq.state, null::timestamptz, null::jsonb, null::timestamptz),
  ('other', 'queued', null, null, null),
  ('default', 'queued', null, null, now() + interval '1 hour'),
  ('default', 'done', now(), '{}', null)
) as kinds (lane, state, finished, result, due)
"""


async def touched(sql: "asyncpg.Connection[asyncpg.Record]", query: Query, **values: Any) -> int:
    """Rows that the plan's nodes handed on or looked at and threw away, all loops together."""
    explained = await sql.fetchval(
        "explain (analyze, format json) " + query.positional, *query.arguments(values)
    )

    def count(node: dict[str, Any]) -> int:
        own = (
            node["Actual Rows"]
            + node.get("Rows Removed by Filter", 0)
            + node.get("Rows Removed by Join Filter", 0)
        )
        return int(own * node["Actual Loops"]) + sum(count(child) for child in node.get("Plans", ()))

    return count(json.loads(explained)[0]["Plan"])


@pytest.mark.parametrize("name", ["claim", "claim_since", "claim_aged", "promote"])
@pytest.mark.parametrize("tenants", [1, 50])
async def test_the_cost_of_a_claim_does_not_grow_with_the_table(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", name: str, tenants: int
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    values = {"lane": "default", "queue": "default", "actors": ["echo"], "worker": queue.worker, "batch": 10}
    values |= {"since": [0, 0, 0], "threaded": [], "threads": 0}
    query = CLAIM.promote if name == "promote" else getattr(TRANSITIONS, name)
    costs = []
    for size in (200, 5000):
        await sql.execute("truncate dramatiq.queue")
        await sql.execute(FILL, size, tenants)
        await sql.execute("analyze dramatiq.queue")
        costs.append(await touched(sql, query, **{key: values[key] for key in query.parameters}))
    assert costs[1] <= costs[0] + 5, costs


@pytest.mark.parametrize("name", ["claim_limited", "claim_limited_aged", "limited_keys"])
@pytest.mark.parametrize("tenants", [1, 50])
async def test_the_cost_of_a_claim_under_limits_does_not_grow_with_the_table(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", name: str, tenants: int
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    keys = [f"t{number}" for number in range(50)]
    await queue.enqueuer.limits([LimitRow(key, 10, None, None) for key in keys])
    values = {"lane": "default", "queue": "default", "actors": ["echo"], "worker": queue.worker, "batch": 10}
    values |= {"keys": keys, "after": ""}
    query = CLAIM.limited_keys if name == "limited_keys" else getattr(TRANSITIONS, name)
    costs = []
    for size in (1000, 5000):
        await sql.execute("truncate dramatiq.queue")
        await sql.execute(FILL, size, tenants)
        await sql.execute(
            'insert into sooner."limit" (key, most) select $1 || n, 1 from generate_series(1, $2) as n',
            f"of {size} ",
            size,
        )
        await sql.execute('vacuum analyze sooner."limit"')
        await sql.execute(
            "update dramatiq.queue set limit_key = 't' || turn % 50, created_at = now() - interval '1 hour' where state = 'queued'"
        )
        await sql.execute("vacuum analyze dramatiq.queue")
        await sql.execute("begin")
        costs.append(await touched(sql, query, **{key: values[key] for key in query.parameters}))
        await sql.execute("rollback")
    assert costs[1] <= costs[0] + 5, costs


@pytest.mark.parametrize(
    "name", ["claim", "claim_since", "claim_aged", "claim_limited", "claim_limited_aged"]
)
@pytest.mark.parametrize("gone", [0, 1000])
async def test_tenants_that_move_cost_a_claim_next_to_nothing_while_there_are_none(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", name: str, gone: int
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    keys = [f"t{number}" for number in range(50)]
    await queue.enqueuer.limits([LimitRow(key, 10, None, None) for key in keys])
    await sql.execute(FILL, 1000, 50)
    await sql.execute(
        "update dramatiq.queue set limit_key = tenant, created_at = now() - interval '1 hour' where state = 'queued'"
    )
    await sql.execute(
        "insert into sooner.frozen_tenant (tenant, reason) select 'gone' || n, 'gone' from generate_series(1, $1::int) as n",
        gone,
    )
    await sql.execute("vacuum analyze dramatiq.queue, sooner.frozen_tenant")
    query: Query = getattr(TRANSITIONS, name)
    values = {"lane": "default", "queue": "default", "actors": ["echo"], "worker": queue.worker, "batch": 100}
    values |= {"since": [0, 0, 0], "threaded": [], "threads": 0, "keys": keys}
    explained = await sql.fetchval(
        "explain (analyze, buffers, format json) " + query.positional, *query.arguments(values)
    )
    looks = list(nodes_of("frozen_tenant", json.loads(explained)[0]["Plan"]))

    assert 1 <= sum(node["Actual Loops"] for node in looks) <= 2
    assert sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in looks) <= 2
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in looks) == 0


def nodes_of(relation: str, node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan that read a table."""
    if node.get("Relation Name") == relation:
        yield node
    for child in node.get("Plans", ()):
        yield from nodes_of(relation, child)


async def test_a_claim_passes_the_jobs_of_a_tenant_that_moves(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    await sql.execute(FILL, 5000, 50)
    await sql.execute("update dramatiq.queue set tenant = 'moves' where state = 'queued' and turn <= 4900")
    await sql.execute("insert into sooner.frozen_tenant (tenant, reason) values ('moves', 'leaving')")
    await sql.execute("vacuum analyze dramatiq.queue, sooner.frozen_tenant")

    rows = await queue.claim_rows(200)

    assert len(rows) == 100
    assert "moves" not in {row["tenant"] for row in rows}


@pytest.mark.parametrize("tenants", [1, 10])
async def test_the_cost_of_adding_does_not_grow_with_the_table(
    sql: "asyncpg.Connection[asyncpg.Record]", tenants: int
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    costs = []
    for size in (200, 5000):
        await sql.execute("truncate dramatiq.queue")
        await sql.execute(FILL, size, 50)
        await sql.execute("analyze dramatiq.queue")
        query, values = statement(Batch([job(tenant=f"t{number % tenants}") for number in range(10)]))
        costs.append(await touched(sql, query, **{name: values[name] for name in query.parameters}))
    assert costs[1] <= costs[0] + 5, costs


async def test_the_cost_of_an_ending_does_not_grow_with_what_runs(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    costs = []
    for size in (20, 1000):
        await sql.execute("truncate dramatiq.queue")
        await sql.execute(FILL, size, 50)
        rows = await queue.claim_rows(size)
        await sql.execute("analyze dramatiq.queue")
        ended = [Ending(row["message_id"], row["fence"], "done", "{}") for row in rows[:10]]
        values = {**texts(TRANSITIONS.finish, ended), "retention": 60.0, "limit_keys": []}
        cost = await touched(
            sql, TRANSITIONS.finish, **{name: values[name] for name in TRANSITIONS.finish.parameters}
        )
        costs.append(cost)
    assert costs[1] <= costs[0] + 5, costs


@pytest.mark.parametrize("name", ["write", "read"])
async def test_the_cost_of_output_does_not_grow_with_what_runs(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", name: str
) -> None:
    for setting, value in PLANS.items():
        await sql.execute(f"set {setting} = {value}")
    query = getattr(OUTPUT, name)
    # With ids in the table's order a walk through a small table looks cheaper than look-ups.
    fill = FILL.replace("gen_random_uuid", "uuidv7")
    costs = []
    for size in (10, 200):
        await sql.execute("truncate dramatiq.queue")
        await sql.execute(fill, size, 50)
        rows = (await queue.claim_rows(size))[:10]
        await sql.execute("delete from dramatiq.queue where state <> 'consumed'")
        await sql.execute("vacuum (full, analyze) dramatiq.queue")
        values = {
            "job": [row["message_id"] for row in rows],
            "fence": [row["fence"] for row in rows],
            "expected": [None for _ in rows],
            "start": list(range(len(rows))),
            "count": [1 for _ in rows],
            "nth": list(range(1, len(rows) + 1)),
            "pieces": joined(['"a"' for _ in rows]),
            "after": [0 for _ in rows],
            "limit": 100,
            "most": 1 << 18,
        }
        costs.append(await touched(sql, query, **{key: values[key] for key in query.parameters}))
    assert costs[1] <= costs[0] + 5, costs


async def test_counting_the_last_minutes_ends_passes_what_is_kept_longer(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    week = 7 * 86400
    await sql.execute(FILL, 5000, 50)
    await sql.execute(
        "update dramatiq.queue set finished_at = now() - interval '1 hour', expires_at = now() + interval '30 days'"
        " where state = 'done'"
    )
    ended = await queue.add(None)
    await sql.execute(
        "update dramatiq.queue set state = 'done', result = '{}', finished_at = now(), expires_at = now() + $2 * interval '1 second'"
        " where message_id = $1",
        ended,
        float(week),
    )
    await sql.execute("delete from dramatiq.queue where state = 'queued'")
    await sql.execute("vacuum analyze dramatiq.queue")
    values = {"declared": ["default"], "most": 100, "pages": 10, "ends": 100, "only": None}

    assert await touched(sql, STATS, **values, retention=float(week)) < 100
    [row] = await sql.fetch(STATS.positional, *STATS.arguments({**values, "retention": float(week)}))
    assert row["finished_per_minute"] == 1


async def test_counting_an_actors_attempts_passes_the_jobs_that_have_ended(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    queries = {ATTEMPTS.history: {"actor": "echo", "hours": 168}, ATTEMPTS.totals: {}}
    costs: list[list[int]] = []
    for size in (200, 5000):
        await sql.execute("truncate dramatiq.queue")
        await sql.execute(FILL, size, 50)
        await queue.claim_rows(10)
        await sql.execute("vacuum analyze dramatiq.queue")
        costs.append([await touched(sql, query, **values) for query, values in queries.items()])
    assert costs[1] == costs[0]
    assert max(costs[0]) < 50
