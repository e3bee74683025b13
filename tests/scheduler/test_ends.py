"""How the process begins and ends."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import asyncpg

    from sooner.local.postgres import Cluster
    from tests.support.processes import Processes

FREE = "select holder is null and expires_at <= dramatiq.clock() from sooner.lease"


async def test_sigterm_gives_the_lease_back_and_exits_0(processes: Processes, db: asyncpg.Connection) -> None:
    scheduler = await processes.scheduler()
    assert await scheduler.terminate() == 0
    assert await db.fetchval(FREE)


async def test_a_standby_exits_0_and_leaves_the_leader_alone(
    processes: Processes, db: asyncpg.Connection
) -> None:
    await processes.scheduler()
    standby = await processes.scheduler()
    assert await standby.terminate() == 0
    assert not await db.fetchval(FREE)


async def test_sigterm_twice_to_the_whole_group(processes: Processes, db: asyncpg.Connection) -> None:
    scheduler = await processes.scheduler()
    for _ in range(2):
        scheduler.send_group(signal.SIGTERM)
    assert await scheduler.exit() == 0
    assert await db.fetchval(FREE)
    assert "Traceback" not in scheduler.output


async def test_ctrl_c(processes: Processes, db: asyncpg.Connection) -> None:
    scheduler = await processes.scheduler()
    scheduler.send_group(signal.SIGINT)
    assert await scheduler.exit() == 0
    assert await db.fetchval(FREE)


async def test_sigterm_before_it_is_up(processes: Processes) -> None:
    command = "exec python -X importtime -m src.scheduler"
    scheduler = await processes.command(command, SECRETS_PRIVATE_KEY=None)
    await scheduler.line(r"\| +asyncio\.")
    assert await scheduler.terminate() == 0


async def test_sigterm_while_the_database_is_away(
    processes: Processes, cluster: Cluster, cluster_url: str
) -> None:
    scheduler = await processes.scheduler(DATABASE_URL=cluster_url)
    await asyncio.to_thread(cluster.stop, immediate=True)
    assert await scheduler.terminate() == 0
    assert '"lease not released, it runs out by itself"' in scheduler.output


async def test_sigterm_while_the_database_does_not_answer(
    processes: Processes, db: asyncpg.Connection
) -> None:
    scheduler = await processes.scheduler(LEASE_SECONDS="600", SHUTDOWN_TIMEOUT_SECONDS="1")
    async with db.transaction():
        await db.execute("lock table sooner.lease")
        assert await scheduler.terminate() == 0
    assert '"out of time: the lease runs out by itself"' in scheduler.output


async def test_wrong_settings_are_all_named(processes: Processes) -> None:
    scheduler = await processes.scheduler(
        ready=False,
        DATABASE_URL=None,
        LEASE_SECONDS="1",
        SCHEDULE_TIMEZONE="Europe/Nowhere",
        SHUTDOWN_TIMEOUT_SECONDS="0.5",
        LOG_FORMAT="xml",
        SECRETS_PRIVATE_KEY="0123456789abcdef",
        SCHEDULES="no_such_package",
    )
    assert await scheduler.exit() == 78
    assert [line.partition(":")[0] for line in scheduler.lines] == [
        "DATABASE_URL",
        "SHUTDOWN_TIMEOUT_SECONDS",
        "LOG_FORMAT",
        "SECRETS_PRIVATE_KEY",
        "LEASE_SECONDS",
        "SCHEDULE_TIMEZONE",
        "SCHEDULES",
    ]
    assert "0123456789abcdef" not in scheduler.output
    assert "SCHEDULE_TIMEZONE: not a time zone of the IANA database" in scheduler.lines


@pytest.mark.parametrize("zone", ["", "../etc/passwd", "europe/paris "])
async def test_a_zone_that_is_none(processes: Processes, zone: str) -> None:
    scheduler = await processes.scheduler(ready=False, SCHEDULE_TIMEZONE=zone or "\t")
    assert await scheduler.exit() == 78
    assert scheduler.lines == ["SCHEDULE_TIMEZONE: not a time zone of the IANA database"]


async def test_an_older_schema_is_named(processes: Processes, empty_database_url: str) -> None:
    scheduler = await processes.scheduler(ready=False, DATABASE_URL=empty_database_url, under_role=False)
    assert await scheduler.exit() == 1
    assert "alembic upgrade head" in scheduler.output
