"""A tick comes: its job runs, once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.scheduler.conftest import TICK, come_to
from tests.support.rows import until

if TYPE_CHECKING:
    import asyncpg

    from tests.support.processes import Processes

NIGHT = TICK.replace(hour=2) + timedelta(days=1)


async def test_a_tick_becomes_a_job_that_a_worker_runs(processes: Processes, db: asyncpg.Connection) -> None:
    await processes.worker()
    scheduler = await processes.scheduler()
    await come_to(db, NIGHT - timedelta(seconds=2))
    line = await scheduler.line('"schedule": "expire_credentials".*"tick fired"')
    told = json.loads(line.string)
    assert told["tick"] == f"{NIGHT:%Y-%m-%dT%H:%M:%SZ}"
    assert told["next_at"] == (NIGHT + timedelta(days=1)).isoformat()
    tick = await db.fetchrow("select * from sooner.tick where schedule = 'expire_credentials'")
    assert tick is not None
    assert (tick["tick"], str(tick["job"])) == (NIGHT, told["job"])
    job = "select {} from dramatiq.queue where message_id = $1"
    await until(db, job.format("state = 'done'"), tick["job"])
    assert await db.fetchval(job.format("result::text"), tick["job"]) == '{"keys": 0, "tokens": 0}'
    assert await db.fetchval(job.format("tenant"), tick["job"]) is None


async def test_a_tick_waits_for_a_worker_that_is_away(processes: Processes, db: asyncpg.Connection) -> None:
    scheduler = await processes.scheduler()
    await come_to(db, NIGHT)
    await scheduler.line('"schedule": "expire_credentials".*"tick fired"')
    await come_to(db, NIGHT + timedelta(minutes=50))
    await processes.worker()
    state = "select state = 'done' from dramatiq.queue where actor = 'expire_credentials'"
    assert await until(db, state)


async def test_schedules_follow_the_zone_of_the_settings(
    processes: Processes, db: asyncpg.Connection
) -> None:
    night = NIGHT.replace(tzinfo=ZoneInfo("Asia/Kolkata"))
    scheduler = await processes.scheduler(SCHEDULE_TIMEZONE="Asia/Kolkata")
    shown = json.loads((await scheduler.line('"schedule": "expire_credentials".*"event": "schedule"')).string)
    assert shown["next_at"] == "2026-03-03T02:00:00+05:30"
    await come_to(db, night)
    line = await scheduler.line('"schedule": "expire_credentials".*"tick fired"')
    told = json.loads(line.string)
    assert (told["tick"], told["next_at"]) == ("2026-03-02T20:30:00Z", "2026-03-04T02:00:00+05:30")
    assert await db.fetchval("select timezone from sooner.schedule limit 1") == "Asia/Kolkata"
