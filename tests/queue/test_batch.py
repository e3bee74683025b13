"""Jobs that are alike are added by a statement of their own: rows and answers are those of jobs added with any others."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from sooner.db import Group
from sooner.db.group import TOGETHER
from sooner.queue.batch import (
    Added,
    Batch,
    JobKind,
    NewJob,
)
from sooner.queue.enqueue import IdempotencyConflict, statement
from sooner.queue.transitions import TRANSITIONS
from tests.queue.bench import Bench, job

SOON = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "nobody's": {"tenant": None},
    "urgent": {"priority": 0},
    "traced": {"request_id": "r", "traceparent": "00-1-2-01"},
    "at a time": {"run_at": SOON},
    "at a time gone by": {"run_at": LONG_AGO},
    "delayed": {"delay": 3600.0},
    "not delayed": {"delay": 0.0},
    "to be cancelled": {"cancel_after": 60.0},
    "keyed": {"idempotency_key": "k", "fingerprint": b"f"},
    "limited": {"lane": "default.limited", "limit_key": "echo"},
    "unique": {"unique_key": "u"},
    "sealed": {"sealed": '{"#/token": "c2VhbGVk"}'},
}
#: What is each row's own, and what is relative to when it was added.
OWN = {"message_id", "message", "turn", "created_at", "mtime", "idempotency_key", "unique_key"}
TIMES = ("run_at", "due_at", "cancel_at", "expires_at")


async def row_of(sql: "asyncpg.Connection[asyncpg.Record]", new: NewJob) -> dict[str, Any]:
    """A job's row, its times as seconds since it was added."""
    row = dict(await sql.fetchrow("select * from dramatiq.queue where message_id = $1", new.message_id) or {})
    since = {name: row[name] - row["created_at"] for name in TIMES if row[name] is not None}
    return {**row, **since, "has_turn": row["turn"] is not None}


def own(new: NewJob, mark: str) -> NewJob:
    """The same with keys of its own."""
    keys: dict[str, Any] = {
        name: f"{getattr(new, name)} {mark}"
        for name in ("idempotency_key", "unique_key")
        if getattr(new, name)
    }
    return new._replace(**keys)


@pytest.mark.parametrize("case", CASES)
async def test_a_job_added_alone_is_as_one_added_with_others_of_other_kinds(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", case: str
) -> None:
    alone, first, second = (own(job(**CASES[case]), mark) for mark in ("alone", "first", "second"))
    await queue.enqueuer.enqueue(alone)
    # The first is under way alone, while the others gather.
    others = (job(), first, job(actor="sleep"), second)
    await asyncio.gather(*(queue.enqueuer.enqueue(new) for new in others))

    rows = [await row_of(sql, new) for new in (alone, first, second)]
    if case == "at a time":
        for row in rows:
            assert row["created_at"] + row["due_at"] == SOON
            row.update(dict.fromkeys(TIMES))
    told = [{name: value for name, value in row.items() if name not in OWN} for row in rows]
    assert told[0] == told[1] == told[2]


async def test_jobs_that_are_alike_are_added_by_the_statement_for_them() -> None:
    assert statement(Batch([job(), job()]))[0] is TRANSITIONS.enqueue_alike
    for other in (job(tenant="other"), job(actor="sleep"), job(priority=2), job(cancel_after=1.0)):
        assert statement(Batch([job(), other]))[0] is TRANSITIONS.enqueue


async def test_what_would_break_the_text_of_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match="record separator"):
        Batch([job(request_id="one\x1emore"), job()]).alike()


async def test_large_items_share_no_statement() -> None:
    taken = []

    async def execute(items: Sequence[int]) -> Sequence[int]:
        taken.append(len(items))
        return items

    group: Group[int, int] = Group(execute, length=int)
    lengths = [TOGETHER // 2, TOGETHER, 1, 1, 2 * TOGETHER, 1]

    assert await asyncio.gather(*map(group, lengths)) == lengths
    assert taken == [1, 1, 2, 1, 1]


async def test_a_lone_caller_begins_at_once_and_leaves_the_others_their_statement() -> None:
    taken: list[Sequence[int]] = []
    go = asyncio.Event()

    async def execute(items: Sequence[int]) -> Sequence[int]:
        taken.append(items)
        await go.wait()
        return items

    group: Group[int, int] = Group(execute, at_once=True)
    lone = asyncio.create_task(group(1))
    others = [asyncio.create_task(group(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    assert taken == [[1]]
    lone.cancel()
    go.set()
    assert await asyncio.gather(*others) == [2, 3]
    assert taken == [[1], [2, 3]]
    assert await group(4) == 4


@pytest.mark.parametrize("case", CASES)
async def test_what_is_told_of_an_added_job_is_what_its_row_says(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]", case: str
) -> None:
    news = [own(job(**CASES[case]), str(number)) for number in range(4)]
    added = [await queue.enqueuer.enqueue(news[0])]
    added += await asyncio.gather(*(queue.enqueuer.enqueue(new) for new in news[1:]))

    for new, said in zip(news, added, strict=True):
        row = await sql.fetchrow(
            "select created_at, due_at, expires_at, turn from dramatiq.queue where message_id = $1",
            new.message_id,
        )
        assert row is not None
        assert said == Added(**row)


async def test_jobs_of_many_kinds_each_get_their_own_row(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    news = [job(tenant=tenant, actor=actor, priority=priority)
            for tenant in ("a", "b", None) for actor in ("echo", "sleep") for priority in (0, 1, 2)]  # fmt: skip
    await asyncio.gather(*(queue.enqueuer.enqueue(new) for new in news))

    rows = await sql.fetch(
        "select message_id, queue_name, lane, actor, tenant, priority, "
        "extract(epoch from expires_at - created_at)::float8 as kept from dramatiq.queue"
    )
    assert {row["message_id"]: JobKind(*list(row.values())[1:]) for row in rows} == {
        new.message_id: new.kind for new in news
    }


async def test_turns_of_a_line_go_on_whatever_the_actor(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    news = [job(actor=actor) for actor in ("echo", "sleep", "echo")]
    query, values = statement(Batch(news))
    await sql.fetchrow(query.positional, *query.arguments(values))

    turns = [
        await sql.fetchval("select turn from dramatiq.queue where message_id = $1", new.message_id)
        for new in news
    ]
    assert turns == [turns[0], turns[0] + 1, turns[0] + 2]


async def test_who_has_a_key_is_told_apart_from_those_who_were_added(
    queue: Bench, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    held = own(job(idempotency_key="k", fingerprint=b"f"), "held")
    await queue.enqueuer.enqueue(held)
    news = [job(), held._replace(message_id=job().message_id), job(delay=60.0), job()]
    outcomes = await asyncio.gather(*map(queue.enqueuer.enqueue, news), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Added, IdempotencyConflict, Added, Added]
    postponed = outcomes[2]
    assert isinstance(postponed, Added)
    assert postponed.due_at == postponed.created_at + timedelta(seconds=60)
    assert await sql.fetchval("select count(*) from dramatiq.queue") == 4
