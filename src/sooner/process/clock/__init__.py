"""The time, for decisions in Python; decisions in SQL read dramatiq.clock()."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system() -> datetime:
    """Now, with its zone."""
    return datetime.now(UTC)


class DatabaseClock:
    """The database's time, kept between two readings: processes agree on it, whatever their machines' clocks say."""

    def __init__(self) -> None:
        self._set_to = system()
        self._set_at = time.monotonic()

    def set(self, now: datetime) -> None:
        """Take a reading of the database's clock."""
        self._set_to, self._set_at = now, time.monotonic()

    def __call__(self) -> datetime:
        """Now; it is ahead of the database at most by as much as its clock was set back since the last reading."""
        return self._set_to + timedelta(seconds=time.monotonic() - self._set_at)
