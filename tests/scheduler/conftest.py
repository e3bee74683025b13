"""A database beside the scheduler under test, and its schedules' hours."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support.clock import start_clock
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.processes import Process

#: A tick of `remove_expired_jobs`.
TICK = datetime(2026, 3, 2, 12, tzinfo=UTC)


@contextlib.asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the test's own database, in which it is half an hour before `TICK`."""
    async with connected(database_url) as connection:
        await start_clock(connection, TICK - timedelta(minutes=30))
        yield connection


async def come_to(db: asyncpg.Connection, at: datetime) -> None:
    """Move the clock without making a lease run out."""
    async with db.transaction():
        left = await db.fetchval("select expires_at - dramatiq.clock() from sooner.lease for update")
        await start_clock(db, at)
        if left > timedelta(0):
            await db.execute("update sooner.lease set expires_at = dramatiq.clock() + $1", left)


async def leader_of(db: asyncpg.Connection, *schedulers: Process) -> tuple[Process, list[Process]]:
    """The scheduler that holds the lease, and the others."""
    name = await db.fetchval("select holder_name from sooner.lease")
    pid = int(name.rpartition(":")[2])
    [leader] = [each for each in schedulers if each.pid == pid]
    return leader, [each for each in schedulers if each is not leader]


async def fired(db: asyncpg.Connection, schedule: str = "remove_expired_jobs") -> list[datetime]:
    """The ticks of a schedule that have a job, each checked to have exactly one."""
    rows = await db.fetch(
        "select tick, job from sooner.tick where schedule = $1 and job is not null", schedule
    )
    jobs = await db.fetch("select message_id from dramatiq.queue where actor = $1", schedule)
    assert sorted(row["job"] for row in rows) == sorted(row["message_id"] for row in jobs)
    return sorted(row["tick"] for row in rows)


async def turns(db: asyncpg.Connection, count: int = 2) -> None:
    """Wait until the leader has looked for ticks `count` times from now on: once a heartbeat."""
    for _ in range(count):
        before = await db.fetchval("select beat_at from sooner.lease")
        await until(db, "select beat_at > $1 from sooner.lease", before)
