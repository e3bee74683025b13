"""Ticks as rows: what is fired when, in a real database, with the time in the test's hands."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import pytest
from asyncpg.exceptions import LockNotAvailableError

from sooner.db import Link, pool
from sooner.jobs.retention.expire import Expiry
from sooner.periodic import Cron, Schedule
from sooner.process import clock
from sooner.queue.batch import JobKind, NewJob, message
from sooner.queue.enqueue import Enqueuer
from sooner.queue.ids import uuid7
from sooner.queue.transitions import TRANSITIONS
from sooner.scheduler.agenda import Agenda
from sooner.scheduler.scheduler_lease import LeaseLost, SchedulerLease
from sooner.scheduler.ticks import PUT_OFF, Ticks
from tests.scheduler.conftest import TICK, connected
from tests.support.clock import start_clock
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Scheduler:
    """One scheduler's part of the database."""

    lease: SchedulerLease
    ticks: Ticks

    async def lead(self) -> None:
        assert (await self.lease.take())[0]
        await self.ticks.register()


class Make(Protocol):
    """Makes schedulers of the test's own schedules; all in UTC where no zone is named."""

    def __call__(self, *schedules: Schedule, zone: str = "UTC") -> Scheduler: ...


@pytest.fixture
async def make(database_url: str) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        def make(*schedules: Schedule, zone: str = "UTC") -> Scheduler:
            link = Link(database_url, "test")
            stack.push_async_callback(link.close)
            lease = SchedulerLease(link, clock.DatabaseClock(), seconds=600)
            agenda = Agenda(schedules, ZoneInfo(zone), grace=timedelta(seconds=75))
            return Scheduler(lease, Ticks(link, lease, agenda))

        yield make


def hourly(name: str = "hourly", **options: Any) -> Schedule:
    return Schedule(name, Cron.parse("@hourly"), actor="remove_expired_jobs", **options)


async def rows(db: asyncpg.Connection) -> list[tuple[datetime, bool]]:
    """Each tick and whether it has a job; every job belongs to a tick."""
    ticks = await db.fetch("select tick, job from sooner.tick order by tick")
    jobs = await db.fetch("select message_id from dramatiq.queue")
    assert {row["job"] for row in ticks if row["job"]} == {row["message_id"] for row in jobs}
    return [(row["tick"], row["job"] is not None) for row in ticks]


async def test_each_tick_is_fired_once(db: asyncpg.Connection, make: Make) -> None:
    scheduler = make(hourly())
    await scheduler.lead()
    for minutes in (-1, 0, 0, 1, 59, 60, 61):
        await scheduler.ticks.fire_due(TICK + timedelta(minutes=minutes))
    assert await rows(db) == [(TICK, True), (TICK + HOUR, True)]


async def test_a_clock_that_steps_back_fires_nothing_again(db: asyncpg.Connection, make: Make) -> None:
    scheduler = make(hourly())
    await scheduler.lead()
    for hours in (0, -3, -1, 0, 1, -2, 0.5, 1, 2):
        await scheduler.ticks.fire_due(TICK + hours * HOUR)
    assert await rows(db) == [(TICK, True), (TICK + HOUR, True), (TICK + 2 * HOUR, True)]


async def test_a_clock_that_was_years_ahead_holds_nothing_up(db: asyncpg.Connection, make: Make) -> None:
    scheduler = make(hourly())
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK.replace(year=2036))
    await scheduler.ticks.fire_due(TICK)
    assert (TICK, True) in await rows(db)


async def test_a_clock_that_steps_back_behind_removed_ticks(
    db: asyncpg.Connection, database_url: str, make: Make
) -> None:
    scheduler = make(hourly())
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK)
    await start_clock(db, TICK + 31 * DAY)
    database = pool(database_url, "test", size=1)
    await database.connect()
    assert await Expiry(database).ticks() == 1
    await database.close()
    await db.execute("delete from dramatiq.queue")
    await scheduler.ticks.fire_due(TICK + timedelta(minutes=5))
    assert await rows(db) == []


async def test_a_schedule_begins_when_it_is_first_seen(db: asyncpg.Connection, make: Make) -> None:
    scheduler = make(hourly(missed="all"))
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK - timedelta(minutes=20))
    assert await rows(db) == []


async def test_a_schedule_that_was_seen_but_never_fired_is_caught_up(
    db: asyncpg.Connection, make: Make
) -> None:
    first = make(hourly(missed="all"))
    await first.lead()
    await first.lease.release()
    await start_clock(db, TICK + 2 * HOUR)
    second = make(hourly(missed="all"))
    await second.lead()
    await second.ticks.fire_due(TICK + 2 * HOUR)
    assert await rows(db) == [(TICK + number * HOUR, True) for number in range(3)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"missed": "skip"}, [(3, False)]),
        ({"missed": "latest"}, [(2, False), (3, True)]),
        ({"missed": "all"}, [(0, True), (1, True), (2, True), (3, True)]),
        ({"missed": "all", "most": 2}, [(1, False), (2, True), (3, True)]),
    ],
)
async def test_what_becomes_of_a_gap(
    db: asyncpg.Connection, make: Make, options: dict[str, Any], expected: list[tuple[int, bool]]
) -> None:
    scheduler = make(hourly(**options))
    await scheduler.lead()
    for _ in range(2):
        await scheduler.ticks.fire_due(TICK + 3.5 * HOUR)
    assert await rows(db) == [(TICK + hours * HOUR, has_job) for hours, has_job in expected]


async def test_a_catch_up_that_is_stopped_is_gone_on_with(db: asyncpg.Connection, make: Make) -> None:
    scheduler = make(hourly(missed="all"))
    await scheduler.lead()
    answers = iter([True, True, False, False])
    await scheduler.ticks.fire_due(TICK + 3 * HOUR, lambda: next(answers))
    assert await rows(db) == [(TICK, True), (TICK + HOUR, True)]
    await scheduler.ticks.fire_due(TICK + 3 * HOUR)
    assert await rows(db) == [(TICK + hours * HOUR, True) for hours in range(4)]


async def test_other_times_begin_anew(db: asyncpg.Connection, make: Make) -> None:
    await make(hourly(missed="all")).lead()
    await start_clock(db, TICK + 3 * HOUR)
    await db.execute("update sooner.lease set expires_at = dramatiq.clock()")
    changed = Schedule("hourly", Cron.parse("*/30 * * * *"), actor="remove_expired_jobs", missed="all")
    scheduler = make(changed)
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK + 3.5 * HOUR)
    assert await rows(db) == [(TICK + 3.5 * HOUR, True)]


async def test_another_zone_begins_anew(db: asyncpg.Connection, make: Make) -> None:
    nightly = Schedule("nightly", Cron.parse("0 13 * * *"), actor="remove_expired_jobs", missed="all")
    await make(nightly).lead()
    await start_clock(db, TICK + 2 * HOUR)
    await db.execute("update sooner.lease set expires_at = dramatiq.clock()")
    scheduler = make(nightly, zone="Europe/Paris")
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK + DAY)
    assert await rows(db) == [(TICK + DAY, True)]


async def test_another_actor_goes_on(db: asyncpg.Connection, make: Make) -> None:
    await make(hourly(missed="all")).lead()
    await start_clock(db, TICK + 1.5 * HOUR)
    await db.execute("update sooner.lease set expires_at = dramatiq.clock()")
    scheduler = make(Schedule("hourly", Cron.parse("@hourly"), actor="expire_credentials", missed="all"))
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK + 1.5 * HOUR)
    assert await rows(db) == [(TICK, True), (TICK + HOUR, True)]


async def test_a_schedule_that_the_leader_does_not_have_is_marked_until_it_is_put_back(
    db: asyncpg.Connection, make: Make
) -> None:
    both = hourly(missed="all"), hourly("other")

    async def lead(*schedules: Schedule) -> Scheduler:
        await db.execute("update sooner.lease set expires_at = dramatiq.clock()")
        scheduler = make(*schedules)
        await scheduler.lead()
        return scheduler

    async def removed() -> dict[str, datetime | None]:
        return {row["name"]: row["removed_at"] for row in await db.fetch("select * from sooner.schedule")}

    await lead(*both)
    assert await removed() == {"hourly": None, "other": None}
    await start_clock(db, TICK + HOUR / 2)
    await lead(both[1])
    marked = await removed()
    await lead(both[1])
    assert await removed() == marked
    assert marked["other"] is None
    assert marked["hourly"] is not None
    assert marked["hourly"] >= TICK + HOUR / 2

    await start_clock(db, TICK + HOUR)
    scheduler = await lead(*both)
    await scheduler.ticks.fire_due(TICK + HOUR)

    assert await removed() == {"hourly": None, "other": None}
    fired = await db.fetch("select tick from sooner.tick where schedule = 'hourly' order by tick")
    assert [row["tick"] for row in fired] == [TICK, TICK + HOUR]


async def test_two_leaders_by_force(db: asyncpg.Connection, make: Make) -> None:
    first, second = make(hourly()), make(hourly())
    await first.lead()
    await db.execute("update sooner.lease set expires_at = dramatiq.clock()")
    await second.lead()
    with pytest.raises(LeaseLost):
        await first.ticks.fire_due(TICK)
    assert await rows(db) == []
    await second.ticks.fire_due(TICK)
    await db.execute("update sooner.lease set holder = $1, fence = $2", first.lease.holder, first.lease.fence)
    # It looked before the other one fired: only the row stands between it and a second job.
    await first.ticks._fire(hourly(), TICK, TICK)
    assert await rows(db) == [(TICK, True)]


async def test_a_lease_that_ran_out_fires_nothing(db: asyncpg.Connection, make: Make) -> None:
    scheduler = make(hourly())
    await scheduler.lead()
    await start_clock(db, TICK)
    with pytest.raises(LeaseLost):
        await scheduler.ticks.fire_due(TICK)
    assert await rows(db) == []


async def test_a_takeover_waits_for_a_tick_under_way(
    db: asyncpg.Connection, database_url: str, make: Make
) -> None:
    scheduler = make(hourly())
    await scheduler.lead()
    async with connected(database_url) as other:
        await other.execute("set lock_timeout = '100ms'")
        async with db.transaction():
            values = {"holder": scheduler.lease.holder, "fence": scheduler.lease.fence, "schedule": "hourly"}
            values |= {"tick": TICK, "job": None, "request_id": None, "traceparent": None}
            values |= {"queue_name": "default", "actor": "remove_expired_jobs", "message": "{}"}
            await db.fetch(TRANSITIONS.fire.positional, *TRANSITIONS.fire.arguments(values))
            with pytest.raises(LockNotAvailableError):
                await other.execute("update sooner.lease set fence = fence + 1")
        await other.execute("update sooner.lease set fence = fence + 1")


async def test_a_tick_whose_job_cannot_be_written_is_not_fired_and_holds_no_other_up(
    db: asyncpg.Connection, make: Make
) -> None:
    await db.execute("""
        alter table dramatiq.queue add constraint broken
        check (message->'kwargs'->>'broken' is null)
    """)
    scheduler = make(hourly("broken", params={"broken": True}), hourly("whole"))
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK)
    assert [row["schedule"] for row in await db.fetch("select schedule from sooner.tick")] == ["whole"]
    await db.execute("alter table dramatiq.queue drop constraint broken")
    await scheduler.ticks.fire_due(TICK)
    assert len(await rows(db)) == 1, "it was tried again at once"
    await scheduler.ticks.fire_due(TICK + PUT_OFF)
    assert len(await rows(db)) == 2


async def test_an_actor_that_no_living_worker_knows_gets_one_job(db: asyncpg.Connection, make: Make) -> None:
    async def fire(hours: float) -> int:
        """The jobs of the schedule after so many hours."""
        await scheduler.ticks.fire_due(TICK + hours * HOUR)
        return len(await db.fetch("select from dramatiq.queue"))

    async def lives(actors: str | None) -> None:
        """A worker lives that knows these."""
        await db.execute(
            "insert into sooner.worker (id, name, queues, actors, expires_at)"
            " values (gen_random_uuid(), 'one', '{default}', $1, dramatiq.clock() + interval '1 day')",
            actors,
        )

    scheduler = make(hourly())
    await scheduler.lead()
    counts = [await fire(0), await fire(1)]
    await db.execute("delete from dramatiq.queue")
    await lives('{"echo": "default"}')
    counts += [await fire(2), await fire(3), await fire(4)]
    await db.execute(
        "update dramatiq.queue set state = 'rejected', error = '{}', finished_at = dramatiq.clock()"
    )
    await db.execute(
        "insert into sooner.unknown_actor (name, given_up_at) values ('remove_expired_jobs', dramatiq.clock())"
    )
    counts += [await fire(5), await fire(6)]
    await lives('{"remove_expired_jobs": "default"}')
    counts += [await fire(7), await fire(8)]

    # Without any worker nobody can tell: ticks wait for one, as ever.
    assert counts == [1, 2, 1, 1, 1, 1, 1, 2, 3]


@pytest.mark.parametrize("actors", ['{"remove_expired_jobs": "default"}', None])
async def test_an_actor_that_a_living_worker_knows_gets_each_job(
    db: asyncpg.Connection, make: Make, actors: str | None
) -> None:
    await db.execute(
        "insert into sooner.worker (id, name, queues, actors, expires_at)"
        " values (gen_random_uuid(), 'one', '{default}', $1, dramatiq.clock() + interval '1 day')",
        actors,
    )
    scheduler = make(hourly())
    await scheduler.lead()
    for hours in range(3):
        await scheduler.ticks.fire_due(TICK + hours * HOUR)

    assert len(await rows(db)) == 3


async def test_a_fired_row_is_the_enqueued_one(db: asyncpg.Connection, database_url: str, make: Make) -> None:
    scheduler = make(hourly())
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK)
    id = uuid7()
    text = message(id, "default", "remove_expired_jobs", "{}")
    kind = JobKind("default", "default", "remove_expired_jobs", retention=60.0)
    link = Link(database_url, "test")
    await Enqueuer(link).enqueue(NewJob(id, kind, text, request_id="by hand"))
    await link.close()
    asked, told = await db.fetch("select * from dramatiq.queue order by request_id")
    own = {"message_id", "message", "request_id", "created_at", "mtime", "expires_at", "turn"}
    assert {name: told[name] for name in set(told.keys()) - own} == {
        name: asked[name] for name in set(asked.keys()) - own
    }
    sent = json.loads(told["message"])
    assert sent.keys() == json.loads(asked["message"]).keys()
    assert (sent["message_id"], sent["kwargs"]) == (str(told["message_id"]), {})
    assert told["turn"] is not None


async def test_a_fired_tick_wakes_the_workers(db: asyncpg.Connection, make: Make) -> None:
    heard: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    await db.add_listener("dramatiq.default.enqueue", lambda *what: heard.set_result(what[3]))
    scheduler = make(hourly())
    await scheduler.lead()
    await scheduler.ticks.fire_due(TICK)
    assert await asyncio.wait_for(heard, PATIENCE) == "back"
