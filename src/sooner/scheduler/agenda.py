"""What is due when."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sooner.periodic import Schedule
from sooner.periodic.schedule import Due


class Agenda:
    """The schedules, each with the time up to which it is decided and its next tick after that.

    `grace` is how old a tick may be before it counts as missed.
    """

    def __init__(self, schedules: Iterable[Schedule], zone: ZoneInfo, *, grace: timedelta) -> None:
        self.schedules = {schedule.name: schedule for schedule in schedules}
        self.zone = zone
        self._grace = grace
        self._since: dict[str, datetime] = {}
        self._next: dict[str, datetime] = {}

    def decide(self, name: str, until: datetime) -> None:
        """A schedule's ticks up to `until` are decided."""
        if self._since.get(name) != until:
            self._since[name] = until
            self._next[name] = self.next_of(name, until)

    def put_off(self, name: str, until: datetime) -> None:
        """Leave a schedule alone for a while; nothing of it is decided."""
        self._next[name] = until

    def next_of(self, name: str, now: datetime) -> datetime:
        """The first tick of a schedule after `now`, in the schedules' zone."""
        return self.schedules[name].next_after(now.astimezone(self.zone))

    def due(self, now: datetime) -> list[tuple[Schedule, Due]]:
        """What is due at `now`."""
        return [
            (schedule, schedule.due(self._since[name], now.astimezone(self.zone), grace=self._grace))
            for name, schedule in self.schedules.items()
            if name in self._next and self._next[name] <= now
        ]

    def seconds_to_next(self, now: datetime) -> float:
        """How long nothing is due."""
        waits = [(at.astimezone(UTC) - now).total_seconds() for at in self._next.values()]
        return max(0.0, min(waits, default=float("inf")))
