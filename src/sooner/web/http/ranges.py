"""Parts of a representation (RFC 9110, section 14)."""

import re

_SPEC = re.compile(r"bytes\s*=[\s,]*(\d{0,18})\s*-\s*(\d{0,18})[\s,]*", re.IGNORECASE | re.ASCII)


class Unsatisfiable(Exception):
    """No byte of what is there was asked for."""


def read(field: str, size: int) -> tuple[int, int] | None:
    """The part that a Range field asks for, from the first byte up to before the last one.

    None where the field is to be ignored: another unit, not well formed, or several parts at once, which a
    server may answer with the whole (section 14.2). Raises Unsatisfiable.
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
    """The Content-Range field of a part."""
    return f"bytes {start}-{stop - 1}/{size}"
