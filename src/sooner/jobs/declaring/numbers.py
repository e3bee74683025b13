"""The numbers that a declaration may have."""

from typing import Any

#: A hundred years in seconds, the longest that a declaration or a call may name: PostgreSQL's intervals do not hold every number that Python does.
LONGEST = 3_153_600_000


def is_count(value: Any, least: int) -> bool:
    """Whether a value is a whole number that PostgreSQL's integer holds, and no less than this."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31


def is_seconds(value: Any) -> bool:
    """Whether a value is a number above 0, of a hundred years at most."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value <= LONGEST
