"""One leads, whatever happens to it: another one takes over, and no tick is fired twice."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.scheduler.conftest import TICK, come_to, connected, fired, leader_of, turns
from tests.support.clock import start_clock
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from sooner.local.postgres import Cluster
    from tests.support.processes import Process, Processes

SHORT = "2"
#: Longer than any test waits: nobody gets this lease by its running out.
LONG = "600"


async def pair(processes: Processes, lease_seconds: str | None = None) -> list[Process]:
    return [await processes.scheduler(LEASE_SECONDS=lease_seconds) for _ in range(2)]


async def one_tick_was_fired(db: asyncpg.Connection) -> None:
    await until(db, "select exists (select from sooner.tick where tick = $1)", TICK)
    await turns(db)
    assert await fired(db) == [TICK]


async def it_is_replaced_and_fires_nothing(frozen: Process, standby: Process, db: asyncpg.Connection) -> None:
    """Asserts it of a leader that stands still: also once it thaws."""
    await standby.line('"event": "leading"')
    await come_to(db, TICK)
    await standby.line('"tick fired"')
    frozen.send(signal.SIGCONT)
    await frozen.line('"lease lost: another scheduler leads"')
    await one_tick_was_fired(db)
    assert '"tick fired"' not in frozen.output
    assert await frozen.terminate() == 0


async def test_one_of_two_leads(processes: Processes, db: asyncpg.Connection) -> None:
    first, second = await pair(processes)
    assert '"leads": true' in first.output
    assert '"leads": false' in second.output
    await come_to(db, TICK)
    await one_tick_was_fired(db)
    assert '"tick fired"' not in second.output


async def test_a_leader_killed_before_a_tick_is_replaced(
    processes: Processes, db: asyncpg.Connection
) -> None:
    schedulers = await pair(processes, SHORT)
    await come_to(db, TICK - timedelta(seconds=5))
    leader, [standby] = await leader_of(db, *schedulers)
    leader.send(signal.SIGKILL)
    assert await leader.exit() != 0
    await standby.line('"event": "leading"')
    await standby.line('"tick fired"')
    await one_tick_was_fired(db)


async def test_a_tick_that_came_while_nobody_led_is_fired_after_the_change(
    processes: Processes, db: asyncpg.Connection
) -> None:
    schedulers = await pair(processes, SHORT)
    leader, [standby] = await leader_of(db, *schedulers)
    leader.send(signal.SIGSTOP)
    await come_to(db, TICK)
    await standby.line('"tick fired"')
    leader.send(signal.SIGKILL)
    await one_tick_was_fired(db)


async def test_an_orderly_stop_hands_over_at_once(processes: Processes, db: asyncpg.Connection) -> None:
    leader, standby = await pair(processes, LONG)
    assert await leader.terminate() == 0
    await standby.line('"event": "leading"')
    await come_to(db, TICK)
    await one_tick_was_fired(db)


async def test_a_frozen_leader_fires_nothing_when_it_thaws(
    processes: Processes, db: asyncpg.Connection
) -> None:
    schedulers = await pair(processes, SHORT)
    frozen, [standby] = await leader_of(db, *schedulers)
    frozen.send(signal.SIGSTOP)
    await it_is_replaced_and_fires_nothing(frozen, standby, db)


async def test_a_leader_frozen_in_the_middle_of_a_heartbeat_is_replaced(
    processes: Processes, db: asyncpg.Connection, database_url: str
) -> None:
    schedulers = await pair(processes, SHORT)
    frozen, [standby] = await leader_of(db, *schedulers)
    async with connected(database_url) as other, other.transaction():
        await other.execute("select from sooner.lease for update")
        await until(
            db,
            "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%set beat_at%'",
        )
        frozen.send(signal.SIGSTOP)
    # Its heartbeat is written now, and the row locked, by a transaction whose client never comes to commit it.
    await it_is_replaced_and_fires_nothing(frozen, standby, db)


async def test_a_frozen_leader_that_nobody_replaced_goes_on(
    processes: Processes, db: asyncpg.Connection
) -> None:
    leader = await processes.scheduler(LEASE_SECONDS=SHORT)
    leader.send(signal.SIGSTOP)
    await until(db, "select expires_at < dramatiq.clock() from sooner.lease")
    await come_to(db, TICK)
    leader.send(signal.SIGCONT)
    await one_tick_was_fired(db)


async def test_a_leader_whose_lease_is_taken_by_force_fires_no_more(
    processes: Processes, db: asyncpg.Connection
) -> None:
    leader = await processes.scheduler(LEASE_SECONDS=SHORT)
    force = """
        update sooner.lease set holder = $1, holder_name = 'stranger:1', fence = fence + 1,
          expires_at = dramatiq.clock() + interval '1 day'
    """
    await db.execute(force, uuid4())
    await come_to(db, TICK)
    await leader.line('"lease lost: another scheduler leads"')
    assert await fired(db) == []
    await db.execute("update sooner.lease set expires_at = dramatiq.clock()")
    await one_tick_was_fired(db)


async def test_leaders_taken_turns_by_force_fire_each_tick_once(
    processes: Processes, db: asyncpg.Connection
) -> None:
    schedulers = await pair(processes, SHORT)
    await come_to(db, TICK)
    for _ in range(10):
        await db.execute("update sooner.lease set fence = fence + 1, expires_at = dramatiq.clock()")
        await until(db, "select expires_at > dramatiq.clock() from sooner.lease")
    await one_tick_was_fired(db)
    assert all(scheduler.running() for scheduler in schedulers)


async def test_a_restart_within_the_tick_s_minute_fires_nothing_again(
    processes: Processes, db: asyncpg.Connection
) -> None:
    scheduler = await processes.scheduler()
    await come_to(db, TICK)
    await scheduler.line('"tick fired"')
    assert await scheduler.terminate() == 0
    again = await processes.scheduler(LEASE_SECONDS=SHORT)
    await again.line('"event": "leading"')
    await one_tick_was_fired(db)
    assert '"tick fired"' not in again.output


async def test_lost_connections_are_survived(processes: Processes, db: asyncpg.Connection) -> None:
    scheduler = await processes.scheduler(LEASE_SECONDS=SHORT)
    cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'sooner scheduler'"
    for _ in range(5):
        assert await until(db, cut + " and datname = current_database()") == 1
    await come_to(db, TICK)
    await one_tick_was_fired(db)
    assert await scheduler.terminate() == 0


@pytest.fixture
async def cut_off(db: asyncpg.Connection) -> AsyncIterator[str]:
    """A role that can be kept from connecting while others go on."""
    # Roles are the whole server's: the name is this test's own.
    role = "cut_off_" + await db.fetchval("select current_database()")
    await db.execute(f"""
        create role {role} login password 'cut off';
        grant pg_read_all_data, pg_write_all_data to {role}
    """)
    yield role
    await db.execute(f"drop role {role}")


@pytest.mark.direct("it signs in as a role of its own, whose connections are cut off")
async def test_a_leader_that_is_cut_off_alone_is_replaced(
    processes: Processes, db: asyncpg.Connection, database_url: str, cut_off: str
) -> None:
    server = database_url.rpartition("@")[2]
    leader = await processes.scheduler(
        LEASE_SECONDS=SHORT,
        DATABASE_URL=f"postgresql://{cut_off}:cut%20off@{server}",
        under_role=False,
    )
    await db.execute(f"alter role {cut_off} connection limit 0")
    assert await db.fetchval(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", cut_off
    )
    await leader.line('"database away, trying again"')
    standby = await processes.scheduler(LEASE_SECONDS=SHORT)
    await standby.line('"event": "leading"')
    await come_to(db, TICK)
    await standby.line('"tick fired"')
    await db.execute(f"alter role {cut_off} connection limit -1")
    await leader.line('"lease lost: another scheduler leads"')
    await one_tick_was_fired(db)
    assert '"tick fired"' not in leader.output
    assert await leader.terminate() == 0


async def test_a_database_that_was_away_is_come_back_to(
    processes: Processes, cluster: Cluster, cluster_url: str
) -> None:
    async with connected(cluster_url) as db:
        await start_clock(db, TICK - timedelta(minutes=30))
        scheduler = await processes.scheduler(LEASE_SECONDS=SHORT, DATABASE_URL=cluster_url)
    await asyncio.to_thread(cluster.stop, immediate=True)
    await scheduler.line('"database away, trying again"')
    await asyncio.to_thread(cluster.start)
    async with connected(cluster_url) as db:
        await come_to(db, TICK)
        await one_tick_was_fired(db)


async def test_a_scheduler_that_starts_before_its_database_waits(
    processes: Processes, cluster: Cluster, cluster_url: str
) -> None:
    await asyncio.to_thread(cluster.stop)
    scheduler = await processes.scheduler(ready=False, DATABASE_URL=cluster_url)
    await scheduler.line('"database away, trying again"')
    await asyncio.to_thread(cluster.start)
    await scheduler.line('"event": "leading"')
