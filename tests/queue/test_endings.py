"""Endings that are written together."""

import json

import asyncpg

from src.queue.finish import Ending, Finisher
from tests.queue.bench import Bench

PRETTY = '{\n\t"text": "a\\nb\\u001e€ NULL ",\r\n "": {}}'


async def written(queue: Bench, *endings: Ending) -> None:
    """Write endings as a worker does."""
    await Finisher(queue.link, retention=60)._finish(endings)


async def claimed(queue: Bench, count: int) -> list[Ending]:
    """Endings of so many jobs that run, none of which says anything yet."""
    for _ in range(count):
        await queue.add()
    return [Ending(row["message_id"], row["fence"], "cancelled") for row in await queue.claim_rows(count)]


async def test_each_job_gets_what_its_own_ending_says(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    done, rejected, cancelled, again, later, lost = await claimed(queue, 6)
    await written(
        queue,
        done._replace(state="done", result=PRETTY, progress="[1]"),
        rejected._replace(state="rejected", error='"wrong"'),
        cancelled,
        again._replace(state="queued", error='"once more"', counted=False),
        later._replace(state="queued", error='"in a minute"', pause=60.25, progress='"so far"'),
        lost._replace(state="lost"),
    )

    rows = await sql.fetch("""
        select message_id, state, result::text, error::text, progress::text, attempts,
          extract(epoch from due_at - now())::float between 50 and 60.25 as is_later
        from dramatiq.queue""")
    told = {row["message_id"]: tuple(row)[1:] for row in rows}
    assert json.loads(told[done.id][1]) == json.loads(PRETTY)
    assert told == {
        done.id: ("done", told[done.id][1], None, "[1]", 1, None),
        rejected.id: ("rejected", None, '"wrong"', None, 1, None),
        cancelled.id: ("cancelled", None, None, None, 1, None),
        again.id: ("queued", None, None, None, 0, None),
        later.id: ("queued", None, None, '"so far"', 1, True),
        lost.id: ("consumed", None, None, None, 1, None),
    }
    holder = await sql.fetchval("select worker from dramatiq.queue where message_id = $1", lost.id)
    assert holder != queue.worker


async def test_what_cannot_be_stored_spoils_no_other_ending(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    good, nul, separated, no_json = await claimed(queue, 4)
    await written(
        queue,
        good._replace(state="done", result='"good"'),
        nul._replace(state="done", result='"\\u0000"'),
        # Where nothing may stand between the members of a column, a result that is written already may have anything.
        separated._replace(state="done", result='{"a":\x1e1}'),
        no_json._replace(state="done", result="{"),
    )

    rows = await sql.fetch("select message_id, state, error->>'type' from dramatiq.queue")
    refused = ("rejected", "result-not-storable")
    assert {row["message_id"]: tuple(row)[1:] for row in rows} == {
        good.id: ("done", None),
        nul.id: refused,
        separated.id: refused,
        no_json.id: refused,
    }
