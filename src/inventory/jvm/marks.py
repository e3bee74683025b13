"""What the annotations of a class or a method say of its status."""

from collections.abc import Iterable
from typing import NamedTuple

from src.inventory.document import Status

_SKIPS = ("Ignore", "Ignored")
_STATUSES: dict[str, Status] = {"ExpectedToFail": "xfail", "NotWorking": "xfail"}


class Mark(NamedTuple):
    """An annotation: its name as it is written, and its arguments without blanks."""

    name: str
    arguments: str = ""

    @property
    def simple(self) -> str:
        return self.name.rpartition(".")[2]


def statuses(marks: Iterable[Mark]) -> list[Status]:
    """One for each annotation that changes a test's status. A condition counts as if it held."""
    return [status for mark in marks if (status := _status(mark))]


def _status(mark: Mark) -> Status | None:
    if mark.simple in _SKIPS or mark.simple.startswith("Disabled"):
        return "skipped"
    if mark.simple == "Test" and "enabled=false" in mark.arguments:
        return "skipped"
    return _STATUSES.get(mark.simple)
