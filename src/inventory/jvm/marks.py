"""What the annotations of a class or a method say of its status."""

from collections.abc import Iterable
from typing import NamedTuple

from src.inventory.document import Status

_SKIPS = ("Ignore", "Ignored")
_STATUSES: dict[str, Status] = {"ExpectedToFail": "xfail", "NotWorking": "xfail"}
#: Annotations of methods that TestNG runs around tests, or for them.
_NO_TESTS = ("Before", "After", "DataProvider", "Factory", "Parameters")
#: A first statement that ends the test as skipped.
_SKIPPING = (
    "throw SkipException(",
    "throw TestAbortedException(",
    "throw AssumptionViolatedException(",
    "Assumptions.abort(",
    "Assumptions.assumeTrue(false",
    "Assumptions.assumeFalse(true",
    "Assume.assumeTrue(false",
    "Assume.assumeFalse(true",
    "assumeTrue(false",
    "assumeFalse(true",
    "abort(",
)


class Mark(NamedTuple):
    """An annotation: its name as it is written, and its arguments without blanks."""

    name: str
    arguments: str = ""

    @property
    def simple(self) -> str:
        return self.name.rpartition(".")[2]


def skips(statement: str) -> bool:
    """Whether a test that begins with a statement ends as skipped."""
    return statement.replace("throw new ", "throw ", 1).startswith(_SKIPPING)


def is_around_tests(mark: Mark) -> bool:
    """Whether a method that is marked so is none of the tests of a class that TestNG's `@Test` marks."""
    return mark.simple.startswith(_NO_TESTS)


def of_classes(marks: tuple[Mark, ...], tests: list[Mark]) -> list[Mark]:
    """Those of the classes around a method that hold for it: its own `@Test` overrules theirs."""
    return [mark for mark in marks if mark.simple != "Test"] if tests else list(marks)


def statuses(marks: Iterable[Mark]) -> list[Status]:
    """One for each annotation that changes a test's status. A condition counts as if it held."""
    return [status for mark in marks if (status := _status(mark))]


def _status(mark: Mark) -> Status | None:
    if mark.simple in _SKIPS or mark.simple.startswith("Disabled"):
        return "skipped"
    if mark.simple == "Test" and "enabled=false" in mark.arguments:
        return "skipped"
    return _STATUSES.get(mark.simple)
