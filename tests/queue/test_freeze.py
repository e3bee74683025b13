"""Frozen tenants: what waits, what is refused, and what goes on while a tenant moves to another database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from sooner.db import TenantMoves, pool
from sooner.db.link import rows
from sooner.jobs.mail.notice import Notice, Notices
from sooner.process.mail_address import MailAddress
from sooner.queue import freeze
from sooner.queue.batch import Batch
from sooner.queue.broker import Origin
from sooner.queue.claim import SQL as CLAIM
from sooner.queue.enqueue import SQL as ENQUEUE
from sooner.queue.enqueue import LimitRow
from sooner.queue.rescue import SQL as RESCUE
from sooner.queue.transitions import TRANSITIONS
from tests.queue.bench import job
from tests.support.clock import start_clock

if TYPE_CHECKING:
    from sooner.queue.broker import Broker
    from tests.queue.bench import Bench

    Sql = asyncpg.Connection[asyncpg.Record]

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
COUNT = "select count(*) from dramatiq.queue"
LANE = "default.limited"
#: What a claim is told beside the lane.
CLAIMS: dict[str, dict[str, Any]] = {
    "claim": {},
    "claim_since": {"since": [0, 0, 0]},
    "claim_aged": {},
    "claim_limited": {"lane": LANE, "keys": ["key"]},
    "claim_limited_aged": {"lane": LANE, "keys": ["key"]},
}
MOVING = "the tenant acme is being moved to another database: try again in a moment"
GONE = "the tenant acme lives in another database now: submit it there"
SAID = {"leaving": MOVING, "arriving": MOVING, "gone": GONE}
REASONS: list[Any] = [*SAID]
ORIGIN = Origin(tenant="acme")


async def reason_of(sql: Sql, tenant: str) -> str | None:
    """Why a tenant is frozen; None where it is not."""
    found = await rows(sql, freeze.SQL.reason, tenant=tenant)
    return found[0]["reason"] if found else None


async def test_a_freeze_ends_by_itself_unless_it_is_renewed(sql: Sql) -> None:
    await start_clock(sql, NOON)
    await freeze.freeze(sql, "acme", "leaving", 10)
    mark = await freeze.take(sql, "acme")
    assert await freeze.renew(sql, "acme", mark, 20)
    await start_clock(sql, NOON + timedelta(seconds=15))
    assert await reason_of(sql, "acme") == "leaving"

    await start_clock(sql, NOON + timedelta(seconds=25))

    assert await reason_of(sql, "acme") is None
    assert not await freeze.renew(sql, "acme", mark, 10)


async def test_a_freeze_is_renewed_by_who_took_it_last(sql: Sql) -> None:
    await freeze.freeze(sql, "acme", "leaving", 10)
    first, last = [await freeze.take(sql, "acme") for _ in range(2)]

    assert not await freeze.renew(sql, "acme", first, 10)
    assert await freeze.renew(sql, "acme", last, None)
    assert await sql.fetchval("select until = 'infinity' from sooner.frozen_tenant")


async def test_a_renewal_that_comes_late_brings_no_end_nearer(sql: Sql) -> None:
    await freeze.freeze(sql, "acme", "leaving", 10)
    mark = await freeze.take(sql, "acme")
    assert await freeze.renew(sql, "acme", mark, None)

    assert await freeze.renew(sql, "acme", mark, 10)

    assert await sql.fetchval("select until = 'infinity' from sooner.frozen_tenant")


async def test_a_freeze_without_an_end_holds_until_the_thaw(sql: Sql) -> None:
    await start_clock(sql, NOON)
    assert await freeze.freeze(sql, "acme", "arriving", None) is None
    await start_clock(sql, NOON + timedelta(days=10_000))
    assert await reason_of(sql, "acme") == "arriving"
    assert await reason_of(sql, "other") is None

    assert await freeze.thaw(sql, "acme")

    assert await reason_of(sql, "acme") is None
    assert not await freeze.thaw(sql, "acme")


@pytest.mark.parametrize("reason", ["leaving", "arriving"])
@pytest.mark.parametrize("name", CLAIMS)
async def test_a_claim_leaves_the_jobs_of_a_frozen_tenant(
    queue: Bench, sql: Sql, name: str, reason: Any
) -> None:
    await queue.enqueuer.limits([LimitRow("key", 10, None, None)])
    place = {"lane": LANE, "limit_key": "key"} if "limited" in name else {}
    ids = [await queue.add(tenant, **place) for tenant in ("acme", "acme", "other", None)]
    await sql.execute("update dramatiq.queue set created_at = created_at - interval '1 hour'")
    await freeze.freeze(sql, "acme", reason, None)

    claimed = await queue.claim(query=getattr(TRANSITIONS, name), **CLAIMS[name])

    assert set(claimed) == set(ids[2:])
    await freeze.thaw(sql, "acme")
    assert set(await queue.claim(query=getattr(TRANSITIONS, name), **CLAIMS[name])) == set(ids[:2])


async def test_jobs_are_claimed_again_once_a_freeze_has_ended(queue: Bench, sql: Sql) -> None:
    await start_clock(sql, NOON)
    await sql.execute("update sooner.worker set expires_at = 'infinity'")
    id = await queue.add("acme")
    await freeze.freeze(sql, "acme", "leaving", 10)
    assert await queue.claim() == []

    await start_clock(sql, NOON + timedelta(seconds=11))

    assert await queue.claim() == [id]


async def test_a_thaw_wakes_all_lanes_with_waiting_jobs_and_who_waits_for_postponed_ones(
    queue: Bench, sql: Sql, database_url: str
) -> None:
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    for channel in ("dramatiq.default.enqueue", "dramatiq.other.enqueue", "sooner.postponed"):
        await listener.add_listener(channel, lambda _, __, *told: heard.put_nowait((told[0], str(told[1]))))
    await queue.add("acme")
    await queue.add("acme", delay=60.0)
    await queue.add("other", lane="other")
    await freeze.freeze(sql, "acme", "leaving", 10)
    await sql.execute("notify \"sooner.postponed\", 'begun'")
    while (await asyncio.wait_for(heard.get(), 10))[1] != "begun":
        pass

    await freeze.thaw(sql, "acme")

    told = {await asyncio.wait_for(heard.get(), 10) for _ in range(3)}
    lanes = ("default", "other")
    assert told == {*((f"dramatiq.{lane}.enqueue", "back") for lane in lanes), ("sooner.postponed", "back")}
    assert heard.empty()
    await listener.close()


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("columns", [{}, {"priority": 0, "unique_key": "u"}, {"notify": "[]"}])
async def test_a_job_of_a_frozen_tenant_is_refused_and_those_beside_it_are_added(
    queue: Bench, sql: Sql, reason: Any, columns: dict[str, Any]
) -> None:
    await freeze.freeze(sql, "acme", reason, None)
    alone = await asyncio.gather(queue.add("acme", **columns), return_exceptions=True)
    outcomes = await queue.enqueuer.insert(
        [job(tenant="acme", **columns), job(tenant="other", **columns), job(tenant=None), job(tenant="acme")]
    )

    refused = [*alone, outcomes[0], outcomes[3]]
    assert [(type(each), str(each)) for each in refused] == [(TenantMoves, SAID[reason])] * 3
    rows = await sql.fetch("select tenant from dramatiq.queue order by tenant nulls last")
    assert [row["tenant"] for row in rows] == ["other", None]


async def test_jobs_for_all_or_none_are_none(queue: Bench, sql: Sql) -> None:
    await freeze.freeze(sql, "acme", "leaving", None)
    large = '{"kwargs": {"x": "' + "x" * (5 << 20) + '"}}'
    for jobs in ([job(), job(priority=0)], [job(message=large), job(message=large)]):
        with pytest.raises(TenantMoves):
            await queue.enqueuer.enqueue_all(jobs)
    assert await sql.fetchval(COUNT) == 0


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("columns", [{}, {"unique_key": "u"}])
async def test_what_running_jobs_submit_is_taken_while_their_tenant_leaves(
    queue: Bench, sql: Sql, reason: Any, columns: dict[str, Any]
) -> None:
    await freeze.freeze(sql, "acme", reason, None)
    [outcome] = await asyncio.gather(queue.add(of_job=True, **columns), return_exceptions=True)
    assert isinstance(outcome, UUID) == (reason == "leaving")
    assert await sql.fetchval(COUNT) == (reason == "leaving")


async def test_a_job_that_a_lost_answer_told_of_is_not_refused_afterwards(queue: Bench, sql: Sql) -> None:
    added, other = job(), job()
    await queue.enqueuer.enqueue(added)
    await freeze.freeze(sql, "acme", "leaving", None)

    outcomes = await queue.enqueuer._add_again(Batch([added, other]))

    assert outcomes[added.message_id].turn is not None  # type: ignore[union-attr]
    assert isinstance(outcomes[other.message_id], TenantMoves)


async def test_nobody_else_ends_or_moves_what_waits(queue: Bench, sql: Sql) -> None:
    waiting = await queue.add("acme", cancel_after=0.0)
    postponed = await queue.add("acme", delay=60.0, cancel_after=0.0)
    await sql.execute("update dramatiq.queue set due_at = now() where due_at is not null")
    before = await sql.fetch("select * from dramatiq.queue order by message_id")
    await freeze.freeze(sql, "acme", "leaving", None)

    [overdue] = await queue.link.fetch(TRANSITIONS.cancel_overdue, retention=60.0, most=100)
    [given_up] = await queue.link.fetch(
        TRANSITIONS.give_up, lane="default", actor="echo", batch=10, error="{}", retention=60.0
    )
    strays = await queue.link.fetch(RESCUE.strays, lane="default", actor="echo", batch=10)
    ids = [waiting, postponed]
    [moved] = await queue.link.fetch(
        RESCUE.move,
        ids=ids,
        limit_keys=[None, None],
        actor="echo",
        from_lane="default",
        to_lane="new",
        to_queue="new",
    )
    [promoted] = await queue.link.fetch(CLAIM.promote)

    assert (overdue["cancelled"], given_up["ended"], strays, moved["moved"], promoted["promoted"]) == (
        0,
        0,
        [],
        0,
        0,
    )
    assert await sql.fetch("select * from dramatiq.queue order by message_id") == before


async def test_what_runs_goes_on_and_ends(queue: Bench, sql: Sql) -> None:
    ids = [await queue.add("acme", cancel_after=0.0) for _ in range(4)]
    fences = {row["message_id"]: row["fence"] for row in await queue.claim_rows()}
    await freeze.freeze(sql, "acme", "leaving", None)

    assert await queue.finish(ids[0], fences[ids[0]])
    assert await queue.finish(ids[1], fences[ids[1]], "rejected", error="{}")
    assert await queue.finish(ids[2], fences[ids[2]], "queued", counted=False)
    [asked] = await queue.link.fetch(TRANSITIONS.cancel_overdue, retention=60.0, most=100)
    [stopped] = await queue.link.fetch(TRANSITIONS.cancel, id=ids[3], retention=60.0)
    rows = await sql.fetch("select state::text, cancel_requested from dramatiq.queue order by message_id")

    assert [tuple(row) for row in rows] == [
        ("done", False),
        ("rejected", False),
        ("queued", False),
        ("consumed", True),
    ]
    assert (asked["cancelled"], stopped["state"]) == (1, "consumed")


async def test_the_job_of_a_lost_worker_waits_again(queue: Bench, sql: Sql) -> None:
    id = await queue.add("acme")
    assert await queue.claim() == [id]
    await freeze.freeze(sql, "acme", "leaving", None)
    await sql.execute("delete from sooner.worker")

    await queue.link.fetch(
        TRANSITIONS.recover,
        most_crashes=3,
        last=".last",
        limited=".limited",
        retention=60.0,
        error="{}",
        callbacks="{}",
    )

    assert await sql.fetchval("select state::text from dramatiq.queue") == "queued"


async def test_an_idempotency_key_is_not_freed(queue: Bench, sql: Sql) -> None:
    await queue.add("acme", idempotency_key="k")
    await sql.execute("update dramatiq.queue set created_at = created_at - interval '2 days'")
    await freeze.freeze(sql, "acme", "leaving", None)
    asked = {"tenant": ["acme"], "actor": ["echo"], "idempotency_key": ["k"]}

    assert await queue.link.fetch(ENQUEUE.holders, **asked) == []
    assert await sql.fetchval("select idempotency_key from dramatiq.queue") == "k"
    await freeze.thaw(sql, "acme")
    await queue.link.fetch(ENQUEUE.holders, **asked)
    assert await sql.fetchval("select idempotency_key from dramatiq.queue") is None


async def test_a_message_of_synchronous_code_is_refused(broker: Broker, sql: Sql) -> None:
    await asyncio.to_thread(broker.actors["echo"].send)
    broker._origin = lambda: ORIGIN
    await freeze.freeze(sql, "acme", "leaving", None)
    with pytest.raises(TenantMoves, match=f"^{MOVING}$"):
        await asyncio.to_thread(broker.actors["echo"].send)

    broker._origin = lambda: ORIGIN._replace(of_job=True)
    await asyncio.to_thread(broker.actors["echo"].send)

    assert await sql.fetchval(COUNT) == 2


@pytest.mark.parametrize("reason", REASONS)
async def test_sql_says_why_nothing_is_submitted(sql: Sql, reason: Any) -> None:
    await freeze.freeze(sql, "acme", reason, None)
    with pytest.raises(asyncpg.ObjectInUseError, match=f"^{SAID[reason]}$"):
        await sql.fetchval("select sooner.submit('echo', tenant => 'acme')")
    await sql.fetchval("select sooner.submit('echo', tenant => 'other')")
    await sql.fetchval("select sooner.submit('echo')")

    rows = await sql.fetch("select tenant from dramatiq.queue order by tenant nulls last")
    assert [row["tenant"] for row in rows] == ["other", None]


async def test_in_sql_the_parent_that_runs_submits_while_its_tenant_leaves(queue: Bench, sql: Sql) -> None:
    await queue.add("acme")
    waiting = await queue.add("acme")
    [running] = await queue.claim(1)
    await freeze.freeze(sql, "acme", "leaving", None)
    submit = "select sooner.submit('echo', tenant => 'acme', parent => $1)"

    child = await sql.fetchval(submit, running)

    assert await sql.fetchval("select parent from dramatiq.queue where message_id = $1", child) == running
    with pytest.raises(asyncpg.ObjectInUseError):
        await sql.fetchval(submit, waiting)


async def test_whoever_moves_the_tenant_writes_all_the_same(queue: Bench, sql: Sql) -> None:
    ids = [await queue.add("acme") for _ in range(2)]
    await freeze.freeze(sql, "acme", "leaving", None)
    cancel, other = (
        (TRANSITIONS.cancel.positional, *TRANSITIONS.cancel.arguments({"id": id, "retention": 60.0}))
        for id in ids
    )
    async with sql.transaction():
        await sql.execute("set local sooner.moving = on")
        [row] = await sql.fetch(*cancel)

    assert row["state"] == "cancelled"
    with pytest.raises(asyncpg.ObjectInUseError):
        await sql.fetch(*other)


async def test_a_notice_is_added_to_what_runs_and_to_nothing_that_waits(
    queue: Bench, sql: Sql, database_url: str
) -> None:
    ids = [await queue.add("acme") for _ in range(2)]
    [running] = await queue.claim(1)
    [waiting] = {*ids} - {running}
    await freeze.freeze(sql, "acme", "leaving", None)
    notice = Notice(MailAddress.read("ada@example.org"), "https://example.org/")
    database = pool(database_url, "test")
    await database.connect()

    await Notices(database).add(running, notice)
    with pytest.raises(TenantMoves):
        await Notices(database).add(waiting, notice)

    await database.close()
    told = await sql.fetch("select message_id from dramatiq.queue where notify is not null")
    assert [row["message_id"] for row in told] == [running]
