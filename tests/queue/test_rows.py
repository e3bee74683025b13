"""One job is one row: what is written, by whom, and under which fence."""

import json

import asyncpg
import dramatiq
import pytest
from dramatiq_pg import PostgresBroker

from sooner.queue.finish import SQL
from sooner.queue.ids import made_at, uuid7
from tests.queue.bench import Bench

PAGES = "select pg_relation_size('dramatiq.queue') / 8192"


@pytest.fixture
def stock(database_url: str) -> PostgresBroker:
    """A stock dramatiq-pg broker on the same table."""
    broker = PostgresBroker(url=database_url, results=False)
    broker.declare_queue("default")
    yield broker
    broker.pool.closeall()


def message(**kwargs: object) -> "dramatiq.Message[object]":
    """A message as a stock producer makes it."""
    return dramatiq.Message(queue_name="default", actor_name="echo", args=(), kwargs=kwargs, options={})


async def test_the_row_is_what_the_stock_broker_writes(
    queue: Bench, stock: PostgresBroker, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    theirs = message()
    stock.enqueue(theirs)
    ours = await queue.add(None)
    columns = await sql.fetch(
        "select * from dramatiq.queue where message_id = any($1)", [ours, theirs.message_id]
    )
    rows = {str(row["message_id"]): dict(row) for row in columns}
    mine, other = rows[str(ours)], rows[theirs.message_id]
    own = {"message_id", "created_at", "mtime", "message", "turn", "expires_at"}
    assert {k: v for k, v in mine.items() if k not in own} == {k: v for k, v in other.items() if k not in own}
    told = {"message_id", "message_timestamp"}
    mine_said, other_said = json.loads(mine["message"]), json.loads(other["message"])
    assert {k: v for k, v in mine_said.items() if k not in told} == {
        k: v for k, v in other_said.items() if k not in told
    }
    assert {k: type(v) for k, v in mine_said.items()} == {k: type(v) for k, v in other_said.items()}


async def test_a_stock_delay_becomes_a_time_in_the_table(
    stock: PostgresBroker, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    theirs = message()
    stock.enqueue(theirs, delay=60_000)
    [row] = await sql.fetch(
        "select queue_name, lane, due_at - now() as left, due_at = run_at as same from dramatiq.queue"
    )
    assert (row["queue_name"], row["lane"], row["same"]) == ("default", "default", True)
    assert 50 < row["left"].total_seconds() <= 60


async def test_only_the_newest_fence_may_finish(queue: Bench) -> None:
    id = await queue.add()
    [first] = await queue.claim_rows()
    assert await queue.finish(id, first["fence"], "queued", counted=False)
    [second] = await queue.claim_rows()
    assert not await queue.finish(id, first["fence"])
    assert await queue.finish(id, second["fence"])
    assert not await queue.finish(id, second["fence"])


async def test_an_interrupted_attempt_does_not_count(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    id = await queue.add()
    [row] = await queue.claim_rows()
    await queue.finish(id, row["fence"], "queued", counted=False)
    assert await sql.fetchval("select attempts from dramatiq.queue") == 0
    [row] = await queue.claim_rows()
    assert row["attempts"] == 1


async def test_notifications_carry_ids_only(queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    heard: list[tuple[str, str]] = []
    for channel in ("dramatiq.default.enqueue", "sooner.changed", "sooner.postponed"):
        await sql.add_listener(channel, lambda _c, _p, channel, payload: heard.append((channel, payload)))
    id = await queue.add()
    await queue.add(delay=60.0)
    [row] = await queue.claim_rows()
    await queue.finish(id, row["fence"], result=json.dumps({"secret": "x"}))
    await sql.execute("select 1")
    assert heard == [("dramatiq.default.enqueue", ""), ("sooner.postponed", ""), ("sooner.changed", str(id))]


@pytest.mark.parametrize(
    "change",
    [
        "state = 'consumed'",
        "state = 'done'",
        "state = 'done', finished_at = now()",
        "state = 'rejected', finished_at = now()",
        "finished_at = now()",
        "state = 'cancelled', finished_at = now(), due_at = now()",
        "attempts = -1",
        "priority = 3",
        "worker = gen_random_uuid()",
    ],
)
async def test_the_table_refuses_what_the_state_machine_does_not_know(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", change: str
) -> None:
    await queue.add()
    with pytest.raises(asyncpg.CheckViolationError):
        await sql.execute(f"update dramatiq.queue set {change}")


async def test_vacuum_keeps_the_pages_of_a_burst_and_so_the_readers_of_a_replica(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await queue.add(None)
    await sql.execute(
        "insert into dramatiq.queue (message_id, lane, actor, message)"
        " select gen_random_uuid(), 'default', 'echo', '{}' from generate_series(1, 10000)"
    )
    pages = await sql.fetchval(PAGES)
    await sql.execute("delete from dramatiq.queue")
    await sql.execute("vacuum dramatiq.queue")

    assert pages > 100
    assert await sql.fetchval(PAGES) == pages


async def test_a_result_of_half_a_megabyte_comes_back_whole(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    id = await queue.add()
    [row] = await queue.claim_rows()
    result = json.dumps({"text": "x" * 500_000})
    assert await queue.finish(id, row["fence"], result=result)
    assert json.loads(await sql.fetchval("select result::text from dramatiq.queue")) == json.loads(result)


async def test_progress_is_written_to_held_jobs_only(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    id = await queue.add()
    [row] = await queue.claim_rows()
    for fence in (row["fence"], row["fence"] - 1):
        word = json.dumps({"fence": fence})
        await queue.link.fetch(SQL.progress, id=[id], fence=[fence], progress=[word])
    assert json.loads(await sql.fetchval("select progress::text from dramatiq.queue")) == {
        "fence": row["fence"]
    }


def test_ids_sort_by_time_and_tell_it() -> None:
    ids = [uuid7() for _ in range(1000)]
    assert [id.int >> 64 for id in ids] == sorted(id.int >> 64 for id in ids)
    assert len(set(ids)) == 1000
    assert {id.version for id in ids} == {7}
    assert made_at(ids[0]) is not None
