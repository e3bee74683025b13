"""Ticks: one statement writes a tick's row and its job."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from sooner.db import Link, Queries
from sooner.periodic import Schedule
from sooner.periodic.schedule import Due
from sooner.process import logs
from sooner.queue.batch import message
from sooner.queue.ids import uuid7
from sooner.queue.transitions import TRANSITIONS
from sooner.scheduler.agenda import Agenda
from sooner.scheduler.scheduler_lease import LeaseLost, SchedulerLease

if TYPE_CHECKING:
    from sooner.process.telemetry.tracing import Tracing

log = logs.get(__name__)

SQL = Queries("sooner.scheduler", "sql/ticks.sql")

#: The time until a tick that the table refused is tried again.
PUT_OFF = timedelta(minutes=1)


class Unwanted(Exception):
    """No living worker knows the schedule's actor, and a job of it waits already."""


class Ticks:
    """Fires due ticks, each once, even if another scheduler believes that it leads.

    Methods raise LeaseLost when another scheduler leads, and Unavailable when the database is away.
    """

    def __init__(
        self, link: Link, lease: SchedulerLease, agenda: Agenda, tracing: "Tracing | None" = None
    ) -> None:
        self._tracing = tracing
        self._link = link
        self._lease = lease
        self._agenda = agenda
        self._held: set[str] = set()

    async def register(self) -> None:
        """Write the schedules into the table; a new schedule's ticks count from now on."""
        schedules = self._agenda.schedules.values()
        await self._link.fetch(
            SQL.register,
            **self._as_leader,
            timezone=self._agenda.zone.key,
            names=[schedule.name for schedule in schedules],
            actors=[schedule.actor for schedule in schedules],
            crons=[str(schedule.cron) for schedule in schedules],
        )

    async def fire_due(self, now: datetime, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Fire the ticks that are due at `now`, those of a schedule in order, while `goes_on` returns true."""
        rows = await self._link.fetch(SQL.decided, names=list(self._agenda.schedules), now=now)
        for row in rows:
            self._agenda.decide(row["name"], row["since"])
        for schedule, due in self._agenda.due(now):
            try:
                await self._carry_out(schedule, due, now, goes_on)
            except Unwanted:
                self._hold(schedule, now)
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
                log.exception("tick cannot be fired, the other schedules go on", schedule=schedule.name)
                self._agenda.put_off(schedule.name, now + PUT_OFF)

    def _hold(self, schedule: Schedule, now: datetime) -> None:
        """Put the schedule off: its ticks are missed until a worker knows its actor."""
        if schedule.name not in self._held:
            log.warning("no living worker knows the actor", schedule=schedule.name, actor=schedule.actor)
            self._held.add(schedule.name)
        self._agenda.put_off(schedule.name, now + PUT_OFF)

    async def _carry_out(
        self, schedule: Schedule, due: Due, now: datetime, goes_on: Callable[[], bool]
    ) -> None:
        if due.skip is not None and goes_on():
            await self._skip(schedule, due.skip)
        for tick in due.fire:
            if goes_on():
                await self._fire(schedule, tick, now)

    async def _skip(self, schedule: Schedule, tick: datetime) -> None:
        if await self._write(schedule, tick, job=None, message="{}", request_id=None, traceparent=None):
            log.warning("missed ticks are not fired", schedule=schedule.name, newest=_instant(tick))
        self._agenda.decide(schedule.name, tick)

    async def _fire(self, schedule: Schedule, tick: datetime, now: datetime) -> None:
        job = uuid7()
        text = message(job, schedule.queue, schedule.actor, schedule.params_of(tick))
        request_id = f"{schedule.name}@{_instant(tick)}"
        span = None if self._tracing is None else self._tracing.begin("producer", f"fire {schedule.name}", {})
        traceparent = None if span is None else span.traceparent
        fired = await self._write(
            schedule, tick, job=job, message=text, request_id=request_id, traceparent=traceparent
        )
        # A span that does not end is never sent: a tick that was fired before has its span.
        if span is not None and fired:
            span.end(_attributes(schedule, tick, job))
        self._agenda.decide(schedule.name, tick)
        log.info(
            "tick fired" if fired else "tick was fired before",
            schedule=schedule.name,
            tick=_instant(tick),
            job=str(job) if fired else None,
            next_at=self._agenda.next_of(schedule.name, max(tick, now)).isoformat(),
        )

    async def _write(self, schedule: Schedule, tick: datetime, **values: Any) -> bool:
        await self._lease.keep()
        [row] = await self._link.fetch(
            TRANSITIONS.fire,
            **self._as_leader,
            schedule=schedule.name,
            tick=tick,
            queue_name=schedule.queue,
            actor=schedule.actor,
            **values,
        )
        if not row["led"]:
            raise LeaseLost
        if not row["is_wanted"]:
            raise Unwanted
        self._held.discard(schedule.name)
        return bool(row["fired"])

    @property
    def _as_leader(self) -> dict[str, Any]:
        return {"holder": self._lease.holder, "fence": self._lease.fence}


def _attributes(schedule: Schedule, tick: datetime, job: UUID) -> dict[str, str]:
    """A fired tick's attributes (OpenTelemetry's semantic conventions for messaging)."""
    return {
        "messaging.system": "sooner",
        "messaging.operation.type": "send",
        "messaging.operation.name": "fire",
        "messaging.destination.name": schedule.queue,
        "messaging.message.id": str(job),
        "sooner.actor": schedule.actor,
        "sooner.schedule": schedule.name,
        "sooner.tick": _instant(tick),
    }


def _instant(tick: datetime) -> str:
    return f"{tick.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
