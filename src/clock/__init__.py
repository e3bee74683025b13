"""The time, for what is decided in Python; what is decided in SQL reads dramatiq.clock()."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def system() -> datetime:
    """Now, with its zone."""
    return datetime.now(UTC)
