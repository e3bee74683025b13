"""A tick comes: its job runs, once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

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
