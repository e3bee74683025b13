"""What is said of queues: exact while they are short, judged at the same cost when they are long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sooner.jobs.operating.queues import (
    ENDS,
    MOST,
    PAGES,
    SQL,
)
from tests.queue.test_plans import FILL, touched

if TYPE_CHECKING:
    import asyncpg

    from tests.queue.bench import Bench

BOUNDS = {"most": MOST, "pages": PAGES, "ends": ENDS}
#: Bounds that a test fills fast.
LOW = {"most": 50, "pages": 60, "ends": 50}

ENDED = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, state, started_at, finished_at, expires_at,
  result, worker)
select gen_random_uuid(), 'default', 'default', 'echo', '{}', 'done', at, at, at + interval '60 seconds', '{}',
  gen_random_uuid()
from (select now() - n * interval '1 second' * $2 as at from generate_series(1, $1) as n) as ended
"""


async def look(sql: asyncpg.Connection, bounds: dict[str, int]) -> dict[str, Any]:
    """What is said of queue `default`."""
    values = {"declared": ["default"], "retention": 60.0, "only": "default", **bounds}
    [row] = await sql.fetch(SQL.stats.positional, *SQL.stats.arguments(values))
    return dict(row)


async def test_short_queues_are_counted(queue: Bench, sql: asyncpg.Connection) -> None:
    await sql.execute(FILL, 300, 50)
    await queue.claim_rows(20)
    await sql.execute(ENDED, 40, 0.1)
    seen = await look(sql, BOUNDS)
    assert (seen["waiting"], seen["due"], seen["processing"]) == (880, 580, 20)
    # The 300 of the filling expire never, and so did not end within the minute.
    assert (seen["finished_per_minute"], seen["judged"]) == (40, False)


async def test_the_oldest_of_a_long_line_is_known(queue: Bench, sql: asyncpg.Connection) -> None:
    await sql.execute(FILL, 300, 50)
    await sql.execute("update dramatiq.queue set created_at = now() - interval '1 hour' where turn = 1")
    seen = await look(sql, LOW)
    assert seen["judged"]
    assert seen["oldest_waiting_seconds"] == pytest.approx(3600, abs=60)


async def test_long_queues_are_judged(queue: Bench, sql: asyncpg.Connection) -> None:
    await sql.execute(FILL, 5000, 50)
    await queue.claim_rows(20)
    await sql.execute(ENDED, 4000, 0.01)
    seen = await look(sql, LOW)
    assert seen["judged"]
    assert seen["due"] == pytest.approx(10_000, rel=0.5)
    assert seen["waiting"] - seen["due"] == pytest.approx(5000, rel=0.5)
    assert seen["processing"] == 20
    # One each 10 ms, for 40 s: the pace of the last ones is 6,000 a minute.
    assert seen["finished_per_minute"] == pytest.approx(6000, rel=0.5)


async def test_the_cost_of_a_look_does_not_grow_with_the_queues(
    queue: Bench, sql: asyncpg.Connection
) -> None:
    costs = []
    for size in (1000, 8000):
        await sql.execute("truncate dramatiq.queue")
        await sql.execute(FILL, size, 50)
        await sql.execute(ENDED, size, 0.001)
        await sql.execute("analyze dramatiq.queue")
        values = {"declared": ["default"], "retention": 60.0, "only": None, **LOW}
        costs.append(await touched(sql, SQL.stats, **values))
    # The sample has about so many pages, never exactly.
    assert costs[1] <= 1.5 * costs[0], json.dumps(costs)
