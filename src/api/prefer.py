"""The Prefer header (RFC 7240)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = rf'(?:{_NAME}|"(?:[^"\\]|\\.)*")'
_PREFERENCE = re.compile(rf"\s*({_NAME})\s*(?:=\s*({_VALUE})?)?\s*((?:;[^,]*)?)\s*")
_SPLIT = re.compile(r'((?:[^,"]|"(?:[^"\\]|\\.)*")*),?')
_DIGITS = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the client would like. `wait` in seconds."""

    wait: int | None = None
    respond_async: bool = False

    def seconds(self, default: float, most: float) -> float:
        """How long to wait for the end of the job."""
        if self.wait is not None:
            return min(self.wait, most)
        return 0 if self.respond_async else default


NONE = Preferences()


def read(fields: Iterable[str]) -> Preferences:
    """The preferences of all Prefer fields of a request.

    Of a repeated preference the first counts; what does not fit the grammar is ignored (section 2).
    """
    found: dict[str, str] = {}
    for field in fields:
        for part in _SPLIT.findall(field):
            if match := _PREFERENCE.fullmatch(part):
                found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
    wait = found.get("wait", "")
    return Preferences(int(wait) if _DIGITS.fullmatch(wait) else None, "respond-async" in found)


def applied(seconds: float) -> str:
    """The Preference-Applied field for a wait of `seconds`."""
    return f"wait={seconds:g}" if seconds > 0 else "respond-async"
