"""Who may bring a job to another lane, and when an actor counts as unknown."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from sooner.db import Link
from sooner.queue.backlog import Backlog
from sooner.queue.broker import Placement
from sooner.queue.claim import SQL as CLAIM
from sooner.queue.claim import ServedLane
from sooner.queue.enqueue import LimitRow
from sooner.queue.ids import uuid7
from sooner.queue.lane import Lane
from sooner.queue.rescue import LONG_SECONDS, Rescuer
from tests.queue.bench import Bench
from tests.support.processes import PATIENCE
from tests.support.rows import until

if TYPE_CHECKING:
    import asyncpg

ECHO = Lane("echoes")
LIMITED = Placement(Lane("echoes", is_limited=True), LimitRow("echo", 1, None, None))


@dataclass
class Held:
    """A lease that is good."""

    id: UUID

    def is_held(self) -> bool:
        """Always."""
        return True


def rescuer(queue: Bench, place: Placement = Placement(ECHO), *, known: str = "echo") -> Rescuer:  # noqa: B008 - a value
    """Of a worker that serves `echo` in lane `echoes`."""
    held = Held(queue.worker)
    return Rescuer(queue.link, queue.link, held, [known], lambda *_: place, stranded_seconds=60, retention=60)


async def lives(
    sql: asyncpg.Connection,
    claims: dict[str, list[str]] | None,
    *,
    actors: dict[str, str] | None = None,
    queues: list[str] | None = None,
) -> UUID:
    """A worker lives that claims this; None: its code is older and does not say."""
    id = uuid7()
    await sql.execute(
        "insert into sooner.worker (id, name, queues, expires_at, actors, claims, started_at)"
        " values ($1, 'other', $2, now() + interval '1 hour', $3, $4, now() - interval '1 day')",
        id,
        queues or [],
        None if claims is None else json.dumps(actors or {}),
        None if claims is None else json.dumps(claims),
    )
    return id


@pytest.fixture
async def own(queue: Bench, sql: asyncpg.Connection) -> None:
    """The bench's worker says what it claims."""
    await sql.execute(
        "update sooner.worker set actors = $2, claims = $3, started_at = now() - interval '1 day' where id = $1",
        queue.worker,
        json.dumps({"echo": "echoes"}),
        json.dumps({"echoes": ["echo"], "echoes.last": ["echo"]}),
    )


async def lies(sql: asyncpg.Connection) -> list[tuple[str, str, str | None]]:
    """Where the jobs lie."""
    rows = await sql.fetch("select queue_name, lane, limit_key from dramatiq.queue order by lane")
    return [tuple(row) for row in rows]


async def test_what_nobody_claims_is_brought_to_its_actors_lane(
    queue: Bench, sql: asyncpg.Connection, own: None
) -> None:
    for columns in (
        {},
        {"lane": "default.threads"},
        {"lane": "default.last"},
        {"delay": 30.0},
        {"actor": "other"},
    ):
        await queue.add(**columns)
    await queue.add(delay=3600.0)

    await rescuer(queue).look()

    assert await lies(sql) == [
        *[("default", "default", None)] * 2,
        *[("echoes", "echoes", None)] * 3,
        ("echoes", "echoes.last", None),
    ]


async def test_what_counts_under_a_limit_now_has_its_key(
    queue: Bench, sql: asyncpg.Connection, own: None
) -> None:
    await queue.add()
    await rescuer(queue, LIMITED).look()
    assert await lies(sql) == [("echoes", "echoes.limited", "echo")]
    assert await sql.fetchval("select most from sooner.limit where key = 'echo'") == 1

    await rescuer(queue).look()
    assert await lies(sql) == [("echoes", "echoes", None)]


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        ({"claims": {"default": ["echo"]}}, True),
        ({"claims": {"default": ["other"]}}, False),
        ({"claims": {}, "queues": ["default"]}, False),
        ({"claims": None, "queues": ["default"]}, True),
        ({"claims": None, "queues": ["other"]}, False),
    ],
)
async def test_what_another_worker_claims_stays_while_it_lives(
    queue: Bench, sql: asyncpg.Connection, own: None, other: dict[str, Any], stays: bool
) -> None:
    await queue.add()
    worker = await lives(sql, **other)

    await rescuer(queue).look()
    assert (await lies(sql))[0][1] == ("default" if stays else "echoes")

    await sql.execute("update sooner.worker set expires_at = now() where id = $1", worker)
    await rescuer(queue).look()
    assert (await lies(sql))[0][1] == "echoes"


async def test_what_lies_in_a_paused_queue_stays_until_it_is_resumed(
    queue: Bench, sql: asyncpg.Connection, own: None
) -> None:
    await queue.add()
    await sql.execute("insert into sooner.queue values ('default', true)")
    await rescuer(queue).look()
    assert (await lies(sql))[0][1] == "default"

    await sql.execute("update sooner.queue set paused = false")
    await rescuer(queue).look()
    assert (await lies(sql))[0][1] == "echoes"


async def test_a_flood_that_is_brought_stands_in_no_other_tenants_way(
    queue: Bench, sql: asyncpg.Connection, own: None
) -> None:
    for _ in range(20):
        await queue.add("flood")
    late = await queue.add("late", lane="echoes", queue_name="echoes")

    await rescuer(queue).look()

    assert late in await queue.claim(2, lane="echoes")


async def test_a_worker_that_ends_when_nothing_is_left_waits_for_what_it_brings(
    queue: Bench, sql: asyncpg.Connection, own: None
) -> None:
    backlog = Backlog(queue.link, [ServedLane(ECHO, ["echo"], lambda: 1)])
    await queue.add(actor="other")
    assert await backlog.is_empty()

    await queue.add()

    assert not await backlog.is_empty()


@pytest.mark.parametrize(
    ("name", "lives", "waits"),
    [
        ("elsewhere:1", True, False),
        ("elsewhere:1", False, True),
        (f"{socket.gethostname()}:1", True, True),
        (f"{socket.gethostname()}:1", False, True),
    ],
    ids=["elsewhere", "elsewhere-dead", "here", "here-dead"],
)
async def test_a_worker_that_ends_when_nothing_is_left_waits_for_no_other_hosts_living_worker(
    queue: Bench, sql: asyncpg.Connection, own: None, name: str, lives: bool, waits: bool
) -> None:
    backlog = Backlog(queue.link, [ServedLane(ECHO, ["echo"], lambda: 1)])
    await queue.add(queue_name="echoes", lane="echoes")
    await queue.claim(lane="echoes")
    await sql.execute("update sooner.worker set name = $2 where id = $1", queue.worker, name)
    if not lives:
        await sql.execute("update sooner.worker set expires_at = now() where id = $1", queue.worker)

    assert await backlog.is_empty() is not waits


async def minutes(sql: asyncpg.Connection, number: float) -> None:
    """So many minutes pass."""
    await sql.execute("update sooner.unknown_actor set seen_at = seen_at - $1 * interval '1 minute'", number)


async def states(sql: asyncpg.Connection) -> list[str]:
    """The states of all jobs, in the order in which they came."""
    return [row[0] for row in await sql.fetch("select state::text from dramatiq.queue order by created_at")]


async def test_jobs_of_an_actor_that_nobody_knows_end(
    queue: Bench, sql: asyncpg.Connection, own: None
) -> None:
    await queue.add(actor="gone")
    for passed in (0.0, 0.9):
        await minutes(sql, passed)
        await rescuer(queue).look()
        assert await states(sql) == ["queued"]
    await minutes(sql, 0.2)
    await rescuer(queue).look()
    assert await states(sql) == ["rejected"]

    # Whatever comes then waits as long again.
    await queue.add(actor="gone")
    for _ in range(2):
        await rescuer(queue).look()
    assert await states(sql) == ["rejected", "queued"]


@pytest.mark.parametrize("by", ["a worker that knows it", "older code", "nobody lived"])
async def test_time_runs_only_while_workers_live_that_do_not_know_it(
    queue: Bench, sql: asyncpg.Connection, own: None, by: str
) -> None:
    await queue.add(actor="gone")
    await rescuer(queue).look()
    await minutes(sql, 10)
    if by == "nobody lived":
        await sql.execute("update sooner.worker set started_at = now()")
    else:
        await lives(sql, {} if by == "a worker that knows it" else None, actors={"gone": "default"})

    await rescuer(queue).look()

    assert await states(sql) == ["queued"]
    assert await sql.fetchval("select coalesce(sum(seconds), 0) from sooner.unknown_actor") < 30


async def test_a_worker_that_ends_claims_no_more(queue: Bench, sql: asyncpg.Connection, own: None) -> None:
    ending = rescuer(queue)
    ending.start()
    await ending.stop()

    assert await sql.fetchval("select claims::text from sooner.worker where id = $1", queue.worker) == "{}"


async def test_nobody_waits_for_a_long_look(queue: Bench, database_url: str, sql: asyncpg.Connection) -> None:
    aside = Link(database_url, "looks")
    looking = Rescuer(
        queue.link,
        aside,
        Held(queue.worker),
        ["echo"],
        lambda *_: Placement(ECHO),
        stranded_seconds=60,
        retention=60,
    )
    count = "select count(*) from pg_stat_activity where application_name = 'sooner looks' and datname = current_database()"
    await sql.execute("begin; lock table sooner.queue in access exclusive mode")
    look = asyncio.create_task(looking.look())
    await until(sql, "select true from pg_locks where relation = 'sooner.queue'::regclass and not granted")
    async with asyncio.timeout(PATIENCE):
        await queue.link.fetch(CLAIM.promote)
    # Longer than a short look takes.
    await asyncio.sleep(LONG_SECONDS)
    await sql.execute("rollback")
    await look
    assert await sql.fetchval(count) == 1
    await looking.look()
    await until(sql, f"select 0 = ({count})")
    await aside.close()
