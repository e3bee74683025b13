"""The times of a cron expression: periodiq's CronSpec with its faults mended."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Self

from periodiq import CronSpec

from sooner.periodic import spelling

LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class Cron(CronSpec):  # type: ignore[misc]  # periodiq has no types
    """A cron expression: crontab(5) as Debian's cron reads it.

    Day of month and day of week are alternatives where both are restricted; a field that begins with `*` is not.
    When clocks go forward, times in the gap are due right after it; when clocks go back, a repeated time is due once.
    An expression whose minute or hour begins with `*` follows elapsed time instead.
    """

    #: Whether it follows elapsed time through a change of the clocks.
    is_frequent: bool

    def __init__(self, *text: str, **fields: Any) -> None:
        """Made by `parse`. Raises TypeError for an expression."""
        if text:
            raise TypeError(f"write Cron.parse({text[0]!r})")
        super().__init__(**fields)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Raises ValueError."""
        minute, hour, day, month, weekday = spelling.fields(text)
        cron = cls(
            m=spelling.MINUTE.values(minute),
            h=spelling.HOUR.values(hour),
            dom=spelling.DAY.values(day),
            month=spelling.MONTH.values(month),
            # periodiq's test asks for ISO weekdays, where Sunday is 7.
            dow=sorted(value or 7 for value in spelling.WEEKDAY.values(weekday)),
            parsed_from=text.strip(),
        )
        cron.is_dom_restricted = not day.startswith("*")
        cron.is_dow_restricted = not weekday.startswith("*")
        cron.is_frequent = minute.startswith("*") or hour.startswith("*")
        cron.refuse_impossible()
        return cron

    def refuse_impossible(self) -> None:
        """Raises ValueError for days that none of its months has, such as 30 February."""
        either = self.is_dom_restricted and self.is_dow_restricted
        if not either and min(self.dom) > max(LONGEST_MONTH[month - 1] for month in self.month):
            raise ValueError(f"{self} never comes: no such day in those months")

    def next_valid_date(self, last: datetime) -> datetime:
        """The first time after `last`, in the zone of `last`."""
        zone, day, instant = _zone(last), last.date() - DAY, last.astimezone(UTC)
        while not (found := self._later(instant, day, zone)):
            day = self._following(day)
        # Where clocks go back over midnight, a day's last minutes come after the first minutes of the next day.
        return min(found + self._later(instant, day + DAY, zone)).astimezone(zone)

    def _later(self, than: datetime, day: date, zone: tzinfo) -> list[datetime]:
        return [at for at in self.on(day, zone) if at > than]

    def _following(self, day: date) -> date:
        in_next_month = day.replace(day=28) + 4 * DAY
        return day + DAY if day.month in self.month else in_next_month.replace(day=1)

    def latest(self, after: datetime, until: datetime, *, most: int) -> list[datetime]:
        """The newest times, at most `most`, after `after` and up to `until`, oldest first, in the zone of `until`."""
        zone, day = _zone(until), until.date() + DAY
        first, start, end = after.astimezone(zone).date() - DAY, after.astimezone(UTC), until.astimezone(UTC)
        found: list[datetime] = []
        while day >= first and len(found) < most:
            found += [at for at in self.on(day, zone) if start < at <= end]
            day -= DAY
        return [at.astimezone(zone) for at in sorted(set(found))[-most:]]

    def on(self, day: date, zone: tzinfo) -> list[datetime]:
        """The times on a local day, in UTC."""
        if not self.validate(datetime.combine(day, time(self.hour[0], self.minute[0]), zone)):
            return []
        hours = (datetime.combine(day, time(hour), zone) for hour in self.hour)
        return sorted({at for hour in hours for at in self._within(hour)})

    def _within(self, hour: datetime) -> list[datetime]:
        if _is_plain(hour):
            start = hour.astimezone(UTC)
            return [start + minute * MINUTE for minute in self.minute]
        local = (hour + minute * MINUTE for minute in self.minute)
        return [at.astimezone(UTC) for each in local for at in self._real(each)]

    def _real(self, local: datetime) -> list[datetime]:
        again = local.replace(fold=1)
        if _is_skipped(local):
            return [] if self.is_frequent else [_after_gap(local)]
        return [local, again] if self.is_frequent else [local]


def _zone(at: datetime) -> tzinfo:
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at.tzinfo


def _is_plain(hour: datetime) -> bool:
    """Whether the clocks do not change in this hour."""
    edges = (hour, hour + HOUR)
    return len({edge.replace(fold=fold).utcoffset() for edge in edges for fold in (0, 1)}) == 1


def _is_skipped(local: datetime) -> bool:
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None)


def _after_gap(local: datetime) -> datetime:
    while _is_skipped(local):
        local += MINUTE
    return local
