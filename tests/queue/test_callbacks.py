"""What follows a job is there if its ending is, and only then; each once, also where no worker tells the ending."""

import asyncio
import json
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from sooner.queue.finish import Ending, Finisher, FollowUp, follow_ups, texts
from sooner.queue.ids import uuid7
from sooner.queue.transitions import TRANSITIONS
from sooner.queue.worker_lease import WorkerLease, connected
from tests.queue.bench import Bench

Connection = asyncpg.Connection

MESSAGE = {"queue_name": "default", "actor_name": "echo", "args": [], "kwargs": {"a": 1}, "options": {}}
CALLING = json.dumps({**MESSAGE, "options": {"on_failure": "hear"}})
FOLLOWS = "select message_id, actor, tenant, parent, message->'args' as args from dramatiq.queue where actor = 'hear'"


def follow() -> FollowUp:
    return FollowUp(uuid7(), "default", json.dumps({**MESSAGE, "actor_name": "hear"}))


async def claimed(queue: Bench, **columns: Any) -> Ending:
    await queue.add(**columns)
    [row] = await queue.claim_rows(1)
    return Ending(row["message_id"], row["fence"], "done", result="{}")


async def test_a_crash_between_loses_neither_or_both(queue: Bench, sql: "Connection[asyncpg.Record]") -> None:
    parent = uuid7()
    ending = (await claimed(queue, parent=parent))._replace(follow=(follow(),))
    query, values = (
        TRANSITIONS.finish_followed,
        {
            "retention": 60.0,
            "limit_keys": [],
            **texts(TRANSITIONS.finish_followed, [ending]),
            **follow_ups([ending]),
        },
    )
    transaction = sql.transaction()
    await transaction.start()
    await sql.fetch(query.positional, *query.arguments(values))
    assert len(await sql.fetch(FOLLOWS)) == 1
    await transaction.rollback()
    assert await sql.fetch(FOLLOWS) == []
    # The answer to the first try was lost.
    for _ in range(2):
        await Finisher(queue.link, retention=60)._finish([ending])
    [row] = await sql.fetch(FOLLOWS)
    # Who follows has the same parent.
    assert (row["message_id"], row["tenant"], row["parent"]) == (ending.follow[0].id, "acme", parent)


async def test_what_cannot_be_stored_is_followed_otherwise(
    queue: Bench, sql: "Connection[asyncpg.Record]"
) -> None:
    ending = await claimed(queue)
    other = follow()
    await Finisher(queue.link, retention=60)._finish(
        [ending._replace(result='"\\u0000"', follow=(follow(),), otherwise=(other,))]
    )
    assert [row["message_id"] for row in await sql.fetch(FOLLOWS)] == [other.id]


@pytest.mark.parametrize("declared", [False, True], ids=["by message", "by actor"])
async def test_a_job_that_killed_its_workers_has_failed(
    declared: bool, queue: Bench, sql: "Connection[asyncpg.Record]", database_url: str
) -> None:
    await claimed(queue, message=json.dumps(MESSAGE) if declared else CALLING)
    await sql.execute("update dramatiq.queue set worker = $1, crashes = 2", uuid4())
    lease = WorkerLease(
        partial(connected, database_url),
        seconds=60,
        retention=60,
        queues=["other"],
        tasks=1,
        threads=1,
        on_lost=lambda: None,
        actors={"hear": "ears"},
        callbacks={"echo": "hear"} if declared else {},
    )
    lease.begin()
    for _ in range(2):
        await asyncio.to_thread(lease.recover)
    lease.end()
    [row] = await sql.fetch(
        "select queue_name, lane, tenant, message->'args' as args from dramatiq.queue where actor = 'hear'"
    )
    message, told = json.loads(row["args"])
    assert (message["kwargs"], told["type"], row["tenant"], row["lane"]) == (
        {"a": 1},
        "worker-lost",
        None,
        "ears",
    )
    assert "died" in told["message"]


async def test_a_job_of_an_actor_that_nobody_knows_has_failed(
    queue: Bench, sql: "Connection[asyncpg.Record]"
) -> None:
    await queue.add(message=CALLING)
    await queue.add()
    error = json.dumps({"type": "no-such-actor", "title": "", "detail": "removed"})
    await queue.link.fetch(
        TRANSITIONS.give_up, lane="default", actor="echo", batch=10, error=error, retention=60.0
    )
    [row] = await sql.fetch(FOLLOWS)
    assert json.loads(row["args"])[1] == {"type": "no-such-actor", "message": "removed"}
