"""Statements that jobs share: what is wrong with one touches no other."""

import asyncio

import asyncpg

from sooner.db import Link
from sooner.jobs.following.follower import JobFollower
from sooner.queue.batch import message
from sooner.queue.finish import BATCH, Finisher
from sooner.queue.ids import uuid7
from tests.queue.bench import Bench, job


async def test_a_word_of_progress_that_cannot_be_stored_loses_no_other(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for _ in range(3):
        await queue.add()
    first, bad, last = ((row["message_id"], row["fence"]) for row in await queue.claim_rows(3))
    finisher = Finisher(queue.link, retention=60)
    for (id, fence), text in ((first, "first"), (bad, "b\0d"), (last, "last")):
        finisher.progress(id, fence, {"message": text})
    assert finisher._saying is not None
    await finisher._saying

    rows = await sql.fetch("select message_id, progress->>'message' as word from dramatiq.queue")
    assert {row["message_id"]: row["word"] for row in rows} == {
        first[0]: "first",
        bad[0]: None,
        last[0]: "last",
    }


async def test_more_words_of_progress_than_one_notification_holds_share_two_statements(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for _ in range(BATCH + 50):
        await queue.add()
    finisher = Finisher(queue.link, retention=60)
    for row in await queue.claim_rows(BATCH + 50):
        finisher.progress(row["message_id"], row["fence"], {"message": "so far"})
    assert finisher._saying is not None
    await finisher._saying

    told = await sql.fetchrow(
        "select count(*), count(distinct xmin::text) as statements from dramatiq.queue where progress is not null"
    )
    assert told is not None
    assert tuple(told) == (BATCH + 50, 2)


async def test_what_is_said_while_a_word_is_refused_is_told(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await queue.add()
    [row] = await queue.claim_rows(1)
    finisher = Finisher(queue.link, retention=60)
    finisher.progress(row["message_id"], row["fence"], {"message": "b\0d"})
    # The statement with the bad word is under way.
    await asyncio.sleep(0)
    finisher.progress(row["message_id"], row["fence"], {"message": "good"})
    assert finisher._saying is not None
    await finisher._saying

    assert await sql.fetchval("select progress->>'message' from dramatiq.queue") == "good"


async def test_a_job_that_cannot_be_stored_keeps_no_other_out(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    bad_id = uuid7()
    bad = job(message_id=bad_id, message=message(bad_id, "default", "echo", '{"text": "\\u0000"}'))
    good = [job() for _ in range(5)]

    outcomes = await asyncio.gather(
        *(queue.enqueuer.enqueue(each) for each in (*good[:3], bad, *good[3:])), return_exceptions=True
    )

    assert isinstance(outcomes[3], asyncpg.PostgresError)
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == [outcomes[3]]
    stored = await sql.fetch("select message_id from dramatiq.queue")
    assert {row["message_id"] for row in stored} == {each.message_id for each in good}


async def test_a_job_that_cannot_be_read_keeps_no_other_from_being_read(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", database_url: str
) -> None:
    bad, *good = [await queue.add() for _ in range(4)]
    # As a stock producer writes it whose delay was in other units: no calendar of Python's goes as far.
    await sql.execute("update dramatiq.queue set run_at = '50000-01-01' where message_id = $1", bad)
    link = Link(database_url, "read")
    follower = JobFollower(link)
    try:
        outcomes = await asyncio.gather(*map(follower.job, (good[0], bad, *good[1:])), return_exceptions=True)
    finally:
        await follower.stop()
        await link.close()

    assert isinstance(outcomes.pop(1), OverflowError)
    assert [getattr(outcome, "id", outcome) for outcome in outcomes] == good
