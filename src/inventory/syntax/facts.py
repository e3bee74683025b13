"""The facts about one file, small enough to be kept for a hundred thousand files."""

from collections.abc import Iterable
from typing import NamedTuple

from src.inventory.document import Case, Entry, Status

_LONGEST_NAME, _LONGEST_PART = 500, 200
#: In order: a test has the last one that any of its marks, or of the suites around it, gives it.
_STRONGER: tuple[Status, ...] = ("active", "focused", "xfail", "todo", "skipped")


class Found(NamedTuple):
    """A test as it is written."""

    name: str
    line: int
    status: Status = "active"


class FileFacts(NamedTuple):
    """A file's own tests. Languages that must know more of a file derive a tuple of their own that holds this one."""

    framework: str
    suites: int = 0
    cases: tuple[Found, ...] = ()
    first_error: int = 0
    """The line of the first text that did not parse, 0 if all did."""


def joined(suites: Iterable[str], name: str) -> str:
    """A test's name behind those of the suites around it: `Suite::inner::name`, bounded."""
    whole = "::".join(part(each) for each in (*suites, name))
    return whole if len(whole) <= _LONGEST_NAME else f"{whole[: _LONGEST_NAME - 1]}…"


def part(text: str) -> str:
    """A name on one line, bounded."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_PART else f"{line[: _LONGEST_PART - 1]}…"


def strongest(*statuses: Status) -> Status:
    """The status of a test that several marks speak of: what is skipped is not focused."""
    return max(statuses, key=_STRONGER.index, default="active")


def entry(path: str, language: str, facts: FileFacts) -> Entry:
    """The document's entry of a file."""
    cases = [Case(name=name, line=line, status=status) for name, line, status in facts.cases]
    return Entry(
        path=path,
        language=language,
        framework=facts.framework,
        suites=facts.suites,
        tests=len(cases),
        cases=cases,
    )
