"""Parsing cron expressions: crontab(5), with ranges that may wrap around (`fri-mon`, `22-2`)."""

import re
from dataclasses import dataclass

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_TERM = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CronField:
    """One of the five fields: its values from `lowest` on, `count` of them, and their names."""

    title: str
    lowest: int
    count: int
    names: tuple[str, ...] = ()
    #: A second number for the lowest value: Sunday is 0 and 7.
    again: int | None = None

    def values(self, text: str) -> list[int]:
        """All values of a field's text, in order. Raises ValueError for a malformed text."""
        return sorted({value for term in text.split(",") for value in self._term(term)})

    def _term(self, term: str) -> list[int]:
        match = _TERM.fullmatch(term)
        if match is None:
            raise ValueError(f"{self.title}: {term!r} is no value, range or step")
        values = self._range(match["first"], match["last"])
        return values if match["step"] is None else self._stepped(values, int(match["step"]), term)

    def _range(self, first: str | None, last: str | None) -> list[int]:
        if first is None:
            return list(range(self.lowest, self.lowest + self.count))
        start = self._value(first)
        end = start if last is None else self._value(last)
        if start > end:
            end += self.count
        around = (self.lowest + (value - self.lowest) % self.count for value in range(start, end + 1))
        return list(dict.fromkeys(around))

    def _stepped(self, values: list[int], step: int, term: str) -> list[int]:
        if not 1 <= step < len(values):
            raise ValueError(f"{self.title}: {term!r} needs a range and a step within it, such as */2")
        return values[::step]

    def _value(self, text: str) -> int:
        if text in self.names:
            return self.names.index(text) + self.lowest
        highest = self.again or self.lowest + self.count - 1
        if not text.isdecimal() or not self.lowest <= int(text) <= highest:
            raise ValueError(f"{self.title}: {text!r} is not from {self.lowest} to {highest}")
        return int(text)


MINUTE = CronField("minute", 0, 60)
HOUR = CronField("hour", 0, 24)
DAY = CronField("day of month", 1, 31)
MONTH = CronField("month", 1, 12, MONTHS)
WEEKDAY = CronField("day of week", 0, 7, WEEKDAYS, again=7)


def fields(text: str) -> list[str]:
    """The five fields of an expression or a macro, in lower case. Raises ValueError, and TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"a cron expression is a text, such as '0 3 * * *', not {text!r}")
    spelt = text.strip().lower()
    if spelt.startswith("@") and spelt not in MACROS:
        raise ValueError(f"{spelt!r} is none of {', '.join(MACROS)}")
    parts = MACROS.get(spelt, spelt).split()
    if len(parts) != 5:
        raise ValueError(
            f"{text!r}: five fields are needed, minute, hour, day of month, month and day of week, not {len(parts)}"
        )
    return parts
