"""The time, for what is decided in Python; what is decided in SQL reads dramatiq.clock()."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system() -> datetime:
    """Now, with its zone."""
    return datetime.now(UTC)


class DatabaseClock:
    """The database's time between two looks at it: processes agree on it, whatever their machines' clocks say."""

    def __init__(self) -> None:
        self._set_to = system()
        self._set_at = time.monotonic()

    def set(self, now: datetime) -> None:
        """What the database's clock just said."""
        self._set_to, self._set_at = now, time.monotonic()

    def __call__(self) -> datetime:
        """Now; never ahead of the database by more than its clock was set back since the last look."""
        return self._set_to + timedelta(seconds=time.monotonic() - self._set_at)
