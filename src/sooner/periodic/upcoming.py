"""Schedules with their next times, for display."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sooner.periodic.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A schedule for display; `next_at` is in the schedules' zone."""

    name: str
    actor: str
    cron: str
    next_at: datetime


def upcoming(schedules: Iterable[Schedule], now: datetime, zone: ZoneInfo) -> list[Upcoming]:
    """Every schedule with its next time."""
    return [
        Upcoming(
            name=schedule.name,
            actor=schedule.actor,
            cron=str(schedule.cron),
            next_at=schedule.next_after(now.astimezone(zone)),
        )
        for schedule in schedules
    ]
