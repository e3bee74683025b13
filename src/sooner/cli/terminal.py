"""Text on a terminal: what a job says controls nothing there."""

import json
import re
from typing import Any, TextIO

#: Line breaks and tabs stay; half of a surrogate pair has no bytes.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: Those that a JSON text may hold unescaped.
UNESCAPED = re.compile(r"[\x7f-\x9f\ud800-\udfff]")


def plain(text: str) -> str:
    """The text without control characters, which begin escape sequences."""
    return CONTROLS.sub("", text)


def in_a_line(text: str) -> str:
    """The same without line breaks and tabs."""
    return " ".join(plain(text).split())


def as_json(value: Any, indent: int | None = None) -> str:
    """A JSON text that any terminal shows as it is."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str, to: TextIO) -> None:
    """Print a text, which a job may have written."""
    print(plain(text), file=to)
