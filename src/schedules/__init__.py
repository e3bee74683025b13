"""What a team adds: one module a schedule. Declarations only: actors are named, their bodies never imported."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from zoneinfo import ZoneInfo

from src.periodic import Schedule

__all__ = ["Upcoming", "declared", "upcoming"]


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A schedule as it is shown: `next_at` has the zone of the schedules."""

    name: str
    actor: str
    cron: str
    next_at: datetime


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(__path__):
        yield importlib.import_module(f"{__name__}.{module.name}")


def _collect() -> dict[str, Schedule]:
    found = [each for module in _modules() for each in vars(module).values() if isinstance(each, Schedule)]
    named = {schedule.name: schedule for schedule in found}
    if len(named) < len(found):
        raise ValueError("two schedules of one name")
    return named


#: All schedules by name.
declared = _collect()


def upcoming(now: datetime, zone: ZoneInfo) -> list[Upcoming]:
    """Every schedule with its next time."""
    return [
        Upcoming(schedule.name, schedule.actor, str(schedule.cron), schedule.next_after(now.astimezone(zone)))
        for schedule in declared.values()
    ]
