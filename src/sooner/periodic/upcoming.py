"""Schedules with their next times, as they are shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sooner.periodic.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A schedule as it is shown: `next_at` has the zone of the schedules."""

    name: str
    actor: str
    cron: str
    next_at: datetime


def upcoming(schedules: Iterable[Schedule], now: datetime, zone: ZoneInfo) -> list[Upcoming]:
    """Every schedule with its next time."""
    return [
        Upcoming(schedule.name, schedule.actor, str(schedule.cron), schedule.next_after(now.astimezone(zone)))
        for schedule in schedules
    ]
