"""Byte ranges (RFC 9110, section 14)."""

import re

_SPEC = re.compile(r"bytes\s*=[\s,]*(\d{0,18})\s*-\s*(\d{0,18})[\s,]*", re.IGNORECASE | re.ASCII)


class Unsatisfiable(Exception):
    """The range lies outside of the representation."""


def read(field: str, size: int) -> tuple[int, int] | None:
    """The range that a Range field asks for, as its start and its exclusive stop.

    None where the server ignores the field: another unit, malformed, or several ranges at once, which it may
    answer with the whole (section 14.2). Raises Unsatisfiable.
    """
    match = _SPEC.fullmatch(field.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, stop = max(0, size - int(match[2])), size
    else:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise Unsatisfiable
    return start, stop


def content_range(start: int, stop: int, size: int) -> str:
    """The Content-Range field of a range."""
    return f"bytes {start}-{stop - 1}/{size}"
