"""The life of the scheduler process."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import asyncpg

from sooner.db import Link, own_shard, retry
from sooner.periodic import Schedule
from sooner.process import clock, logs, telemetry
from sooner.process.settings import SchedulerSettings, load
from sooner.scheduler.agenda import Agenda
from sooner.scheduler.leader import Leader
from sooner.scheduler.scheduler_lease import HELD_PART, SchedulerLease
from sooner.scheduler.ticks import Ticks

if TYPE_CHECKING:
    from sooner.process.telemetry.tracing import Tracing

log = logs.get(__name__)

#: A tick that is older than this, and than a lease, was missed: no scheduler was there to fire it.
GRACE_SECONDS = 60


def main(declared: Callable[[], Iterable[Schedule]]) -> int:
    """Run until SIGTERM or SIGINT; the result is the exit code. Raises SystemExit(78) for wrong settings.

    `declared` loads the schedules; it is called after the settings were checked.
    """
    settings = load(SchedulerSettings)
    logs.configure("scheduler", format=settings.log_format, level=settings.log_level)
    tracing = telemetry.begin("scheduler", settings.traces_endpoint)
    code = asyncio.run(_serve(settings, declared(), tracing))
    if tracing is not None:
        tracing.end()
    return code


def build(
    settings: SchedulerSettings, schedules: Iterable[Schedule], link: Link, tracing: "Tracing | None" = None
) -> Leader:
    """The scheduler's parts on one connection."""
    now = clock.DatabaseClock()
    grace = timedelta(seconds=GRACE_SECONDS + settings.lease_seconds)
    agenda = Agenda(schedules, ZoneInfo(settings.schedule_timezone), grace=grace)
    lease = SchedulerLease(link, now, seconds=settings.lease_seconds)
    return Leader(lease, Ticks(link, lease, agenda, tracing), agenda, now)


async def _serve(
    settings: SchedulerSettings, schedules: Iterable[Schedule], tracing: "Tracing | None"
) -> int:
    # A statement that hangs for longer than the lease may write nothing any more. The scheduler does not listen and makes few
    # statements, so it always works as if behind a pooler. Where the process freezes in the middle of a heartbeat,
    # PostgreSQL unlocks the lease's row before the lease expires.
    seconds = settings.lease_seconds
    link = Link(
        settings.database_url,
        "scheduler",
        direct=False,
        command_seconds=seconds,
        idle_seconds=seconds * HELD_PART / 2,
    )
    try:
        await retry.forever()(own_shard.check, link, settings.shard)
    except own_shard.WrongShard as error:
        log.critical(str(error))
        await link.close()
        return os.EX_CONFIG
    leader = build(settings, schedules, link, tracing)
    running = asyncio.create_task(leader.run())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        # A signal to the process group comes twice: the first one stops the leader and sets the timer.
        if not leader.is_stopping:
            leader.stop()
            loop.call_later(settings.shutdown_timeout_seconds, running.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return await _outcome(running, link)


async def _outcome(running: "asyncio.Task[None]", link: Link) -> int:
    try:
        await running
        return 0
    except asyncio.CancelledError:
        log.warning("out of time: the lease runs out by itself")
        return 0
    except (asyncpg.SyntaxOrAccessError, asyncpg.InvalidSchemaNameError) as error:
        log.critical("schema or rights are not this program's: run `alembic upgrade head`", error=str(error))
        return 1
    except Exception:
        log.exception("scheduler cannot go on")
        return 1
    finally:
        await link.close()
