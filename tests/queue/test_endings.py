"""Endings that are written together."""

import asyncio
import json

import asyncpg

from sooner.db.group import TOGETHER
from sooner.db.queries import LONGEST
from sooner.queue.finish import Ending, Finisher
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
        # What stands between the members of a column, where an actor wrote its JSON itself.
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


async def test_large_results_share_no_statement(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    large = json.dumps("x" * (TOGETHER * 2 // 3))
    endings = [ending._replace(state="done", result=large) for ending in await claimed(queue, 3)]
    endings += [ending._replace(state="done", result="1") for ending in await claimed(queue, 5)]
    written, all_written = 0, asyncio.Event()

    def note() -> None:
        nonlocal written
        written += 1
        if finisher.unwritten == 0:
            all_written.set()

    finisher = Finisher(queue.link, retention=60, on_written=note)
    for ending in endings:
        finisher.finish(ending)
    await asyncio.wait_for(all_written.wait(), 60)

    assert written == 3
    assert await sql.fetchval("select count(*) from dramatiq.queue where state = 'done'") == 8


async def test_a_result_that_no_message_can_hold_is_refused(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    huge, good = await claimed(queue, 2)
    await written(
        queue,
        huge._replace(state="done", result=json.dumps("x" * LONGEST)),
        good._replace(state="done", result="1"),
    )

    rows = await sql.fetch("select message_id, state, error->>'type' from dramatiq.queue")
    assert {row["message_id"]: tuple(row)[1:] for row in rows} == {
        huge.id: ("rejected", "result-not-storable"),
        good.id: ("done", None),
    }
