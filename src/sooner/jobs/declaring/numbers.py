"""The numbers that a declaration may have."""

import math
from typing import Any


def is_count(value: Any, least: int) -> bool:
    """Whether a value is a whole number that PostgreSQL's integer holds, and no less than this."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31


def is_seconds(value: Any) -> bool:
    """Whether a value is a finite number above 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value > 0
