"""The agenda: the schedules and their next ticks, in memory."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sooner.periodic import Schedule
from sooner.periodic.schedule import Due


class Agenda:
    """The schedules, each with the time up to which its ticks are decided, and its next tick after that time.

    `grace` is the age from which an unfired tick counts as missed.
    """

    def __init__(self, schedules: Iterable[Schedule], zone: ZoneInfo, *, grace: timedelta) -> None:
        self.schedules = {schedule.name: schedule for schedule in schedules}
        self.zone = zone
        self._grace = grace
        self._since: dict[str, datetime] = {}
        self._next: dict[str, datetime] = {}

    def decide(self, name: str, until: datetime) -> None:
        """Note that a schedule's ticks up to `until` are decided."""
        if self._since.get(name) != until:
            self._since[name] = until
            self._next[name] = self.next_of(name, until)

    def put_off(self, name: str, until: datetime) -> None:
        """Leave a schedule alone until `until`, without a decision about its ticks."""
        self._next[name] = until

    def next_of(self, name: str, now: datetime) -> datetime:
        """The first tick of a schedule after `now`, in the schedules' zone."""
        return self.schedules[name].next_after(now.astimezone(self.zone))

    def due(self, now: datetime) -> list[tuple[Schedule, Due]]:
        """The schedules that are due at `now`, with their ticks."""
        return [
            (schedule, schedule.due(self._since[name], now.astimezone(self.zone), grace=self._grace))
            for name, schedule in self.schedules.items()
            if name in self._next and self._next[name] <= now
        ]

    def seconds_to_next(self, now: datetime) -> float:
        """The seconds until the next tick."""
        waits = [(at.astimezone(UTC) - now).total_seconds() for at in self._next.values()]
        return max(0.0, min(waits, default=float("inf")))
