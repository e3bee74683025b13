"""Ticks are rows: firing one writes its row and its job's in one statement."""

from datetime import UTC, datetime
from typing import Any

import asyncpg

from src import logs
from src.db import Link, Queries
from src.periodic import Schedule
from src.periodic.schedule import Due
from src.queue.enqueue import message
from src.queue.ids import uuid7
from src.scheduler.agenda import Agenda
from src.scheduler.lease import Lease, LeaseLost

log = logs.get(__name__)

SQL = Queries("src.scheduler", "sql/ticks.sql")


class Ticks:
    """Fires what is due, each tick once whoever else may believe to lead.

    Methods raise LeaseLost when another scheduler leads, and Unavailable when the database is away.
    """

    def __init__(self, link: Link, lease: Lease, agenda: Agenda) -> None:
        self._link = link
        self._lease = lease
        self._agenda = agenda

    async def register(self) -> None:
        """Note the schedules: ticks of a new one count from now on."""
        schedules = self._agenda.schedules.values()
        await self._link.fetch(
            SQL.register,
            **self._as_leader,
            timezone=self._agenda.zone.key,
            names=[schedule.name for schedule in schedules],
            actors=[schedule.actor for schedule in schedules],
            crons=[str(schedule.cron) for schedule in schedules],
        )

    async def fire_due(self, now: datetime) -> None:
        """Fire what is due at `now`, the ticks of a schedule in their order."""
        rows = await self._link.fetch(SQL.decided, names=list(self._agenda.schedules), now=now)
        for row in rows:
            self._agenda.decide(row["name"], row["since"])
        for schedule, due in self._agenda.due(now):
            try:
                await self._carry_out(schedule, due, now)
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError):
                # The others' ticks go on; this one is tried again.
                log.exception("tick cannot be fired", schedule=schedule.name)

    async def _carry_out(self, schedule: Schedule, due: Due, now: datetime) -> None:
        if due.skip is not None:
            await self._skip(schedule, due.skip)
        for tick in due.fire:
            await self._fire(schedule, tick, now)

    async def _skip(self, schedule: Schedule, tick: datetime) -> None:
        if await self._write(schedule, tick, job=None, request_id=None):
            log.warning("missed ticks are not fired", schedule=schedule.name, newest=_instant(tick))
        self._agenda.decide(schedule.name, tick)

    async def _fire(self, schedule: Schedule, tick: datetime, now: datetime) -> None:
        job = uuid7()
        request_id = f"{schedule.name}@{_instant(tick)}"
        fired = await self._write(schedule, tick, job=job, request_id=request_id)
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
        params = schedule.params_of(tick)
        [row] = await self._link.fetch(
            SQL.fire,
            **self._as_leader,
            schedule=schedule.name,
            tick=tick,
            queue_name=schedule.queue,
            actor=schedule.actor,
            message=message(values["job"] or self._lease.holder, schedule.queue, schedule.actor, params),
            **values,
        )
        if not row["led"]:
            raise LeaseLost
        return bool(row["fired"])

    @property
    def _as_leader(self) -> dict[str, Any]:
        return {"holder": self._lease.holder, "fence": self._lease.fence}


def _instant(tick: datetime) -> str:
    return f"{tick.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
