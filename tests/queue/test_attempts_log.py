"""What operators read of the attempts at a job, whatever ended them."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from sooner.jobs.operating.attempts_log import MOST, SQL, entries
from sooner.queue.finish import Ending, Finisher
from sooner.queue.transitions import TRANSITIONS
from sooner.queue.worker_lease import WorkerLease, connected
from tests.queue.bench import Bench

RAISED = json.dumps({"exception": "ValueError: text", "traceback": "Traceback"})


async def log(sql: "asyncpg.Connection[asyncpg.Record]", id: UUID) -> Sequence[Any]:
    [row] = await sql.fetch(SQL.begun.positional, id)
    return entries(dict(row))


async def claim(queue: Bench) -> Ending:
    """The ending to be of the job that is claimed now."""
    [row] = await queue.claim_rows(1)
    return Ending(row["message_id"], row["fence"], "done")


async def write(queue: Bench, ending: Ending) -> None:
    assert await Finisher(queue.link, retention=60)._write([ending])


def recover(database_url: str) -> None:
    """As the next heartbeat of any worker does."""
    lease = WorkerLease(
        partial(connected, database_url),
        seconds=60,
        retention=60,
        queues=["other"],
        tasks=1,
        threads=1,
        on_lost=lambda: None,
    )
    lease.begin()
    lease.recover()
    lease.end()


async def test_each_attempt_is_told_by_what_ended_it(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", database_url: str
) -> None:
    id = await queue.add()
    assert await log(sql, id) == []

    failing = await claim(queue)
    assert [each["outcome"] for each in await log(sql, id)] == [None]
    await write(queue, failing._replace(state="queued", error='{"type": "A"}', raised=RAISED))
    await write(queue, (await claim(queue))._replace(state="queued", counted=False))
    await claim(queue)
    await sql.execute("update dramatiq.queue set worker = $1", uuid4())
    await asyncio.to_thread(recover, database_url)
    assert len(await log(sql, id)) == 3
    await write(queue, (await claim(queue))._replace(state="rejected", error='{"type": "B"}', raised=RAISED))
    last = (await log(sql, id))[-1]
    values = {"actors": ["echo"], "id": id, "retention": 60.0}
    await sql.fetch(TRANSITIONS.retry.positional, *TRANSITIONS.retry.arguments(values))
    told = await log(sql, id)

    assert [(each["attempt"], each["outcome"], each["exception"]) for each in told] == [
        (1, "error", "ValueError: text"),
        (2, "given-back", None),
        (2, "lost", None),
        (3, "error", "ValueError: text"),
    ]
    assert {name: last[name] for name in ("attempt", "outcome", "traceback")} == {
        "attempt": 3,
        "outcome": "error",
        "traceback": "Traceback",
    }
    assert told[-1] == last
    assert all(each["began_at"].tzinfo == UTC and each["ended_at"] >= each["began_at"] for each in told)
    assert {told[index]["worker"] for index in (0, 1, 3)} == {str(queue.worker)}
    await write(queue, (await claim(queue))._replace(result="1"))
    assert [(each["outcome"], each["exception"]) for each in (await log(sql, id))[4:]] == [("done", None)]


async def test_a_job_that_is_cancelled_as_it_waits_has_no_attempt_twice(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    id = await queue.add()
    await write(queue, (await claim(queue))._replace(state="queued", error='{"type": "A"}', raised=RAISED))
    await sql.execute(TRANSITIONS.cancel.positional.replace("$1", "60").replace("$2", f"'{id}'"))

    assert [each["outcome"] for each in await log(sql, id)] == ["error"]


async def test_the_last_twenty_are_kept(queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]") -> None:
    id = await queue.add()
    for _ in range(MOST + 3):
        await write(
            queue, (await claim(queue))._replace(state="queued", error='{"type": "A"}', raised=RAISED)
        )
    await claim(queue)

    assert [each["attempt"] for each in await log(sql, id)] == list(range(5, MOST + 5))
