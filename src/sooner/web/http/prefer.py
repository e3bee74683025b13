"""The Prefer header (RFC 7240)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_WORD = rf'{_NAME}|"(?:[^"\\]|\\.)*"'
_PREFERENCE = re.compile(rf"[ \t]*({_NAME})[ \t]*(?:=[ \t]*({_WORD})?)?[ \t]*(?:;.*)?", re.DOTALL)
_PART = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"|")+', re.DOTALL)
_DIGITS = re.compile(r"[0-9]+")

#: Splitting is quadratic for junk made of quotes; no honest field is longer.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences of a client; `wait` is in seconds."""

    wait: int | None = None
    respond_async: bool = False

    def seconds(self, default: float, most: float) -> float:
        """The seconds to wait for the end of the job."""
        if self.wait is not None:
            return min(self.wait, most)
        return 0 if self.respond_async else default

    @property
    def may_wait(self) -> bool:
        """Whether the client may want to wait for the job's end."""
        return self.wait is not None or not self.respond_async

    @property
    def says_when(self) -> bool:
        """Whether the client itself said how long to wait, if at all."""
        return self.wait is not None or self.respond_async


def read(fields: Iterable[str]) -> Preferences:
    """The preferences of all Prefer fields of a request.

    The first of repeated preferences counts; malformed preferences are ignored (section 2).
    """
    found: dict[str, str] = {}
    for field in fields:
        for part in _PART.findall(field[:_LONGEST]):
            if match := _PREFERENCE.fullmatch(part):
                found.setdefault(match[1].lower(), _unquoted(match[2] or ""))
    wait = found.get("wait", "")
    return Preferences(_seconds(wait) if _DIGITS.fullmatch(wait) else None, "respond-async" in found)


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def _seconds(digits: str) -> int:
    """The number in the first nine digits: any longer number exceeds every limit as well."""
    return int(digits.lstrip("0")[:9] or "0")


def applied(seconds: float) -> tuple[str, str]:
    """The Preference-Applied field for a wait of `seconds`."""
    return ("Preference-Applied", f"wait={seconds:g}" if seconds > 0 else "respond-async")
