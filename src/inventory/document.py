"""The document that an inventory results in: plain dictionaries, ready for JSON."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

Status = Literal["active", "skipped", "todo", "focused", "xfail"]
STATUSES: tuple[Status, ...] = ("active", "skipped", "todo", "focused", "xfail")


class Case(TypedDict):
    """One test. `line` is the 1-based line of its definition, decorators left out."""

    name: str
    line: int
    status: Status


class Counts(TypedDict):
    """Sums over test files: how many, and the test classes and tests in them."""

    files: int
    suites: int
    tests: int


class Entry(TypedDict):
    """One test file; `tests` is the number of `cases`, `suites` that of test classes."""

    path: str
    language: str
    framework: str
    suites: int
    tests: int
    cases: list[Case]


class Unreadable(TypedDict):
    """A test file that could not be read, and why."""

    path: str
    reason: str


class Undecided(TypedDict):
    """A class of which only running would tell whether its tests are run, or what else was not followed to its tests.

    `line` is that of its `class`, of the macro or of its call.
    """

    path: str
    line: int
    name: str
    reason: str


class Unlisted(TypedDict):
    """How many were counted and are not listed: files without an entry, tests without a case."""

    files: int
    tests: int
    unreadable: int
    undecided: int


class TestName(TypedDict):
    """A test by its file and name."""

    path: str
    name: str


class Uncompared(TypedDict):
    """How many tests the lists of a comparison leave out."""

    added: int
    removed: int
    newly_skipped: int


class Comparison(TypedDict):
    """How the tests differ from those of another commit, which `ref` named; a file that moved is removed and added.

    `newly_skipped` were there and not skipped. `unlisted` is there where the lists do not hold all.
    """

    ref: str
    commit: str | None
    added: list[TestName]
    removed: list[TestName]
    newly_skipped: list[TestName]
    unlisted: NotRequired[Uncompared]


class Inventory(TypedDict):
    """How much of an archive is tested; `entries`, `unreadable` and `undecided` are sorted by path.

    `unlisted` is there where the lists do not hold all that was counted: those of a large archive end before the document
    outgrows its readers. `comparison` is there where one was asked for.
    """

    files: int
    suites: int
    tests: int
    by_framework: dict[str, Counts]
    by_language: dict[str, Counts]
    by_status: dict[Status, int]
    unreadable: list[Unreadable]
    undecided: list[Undecided]
    commit: str | None
    unlisted: NotRequired[Unlisted]
    comparison: NotRequired[Comparison]
    entries: list[Entry]
