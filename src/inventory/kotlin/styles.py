"""Kotest's styles of specs: which words hold tests in each of them, and which are tests."""

import re
from typing import NamedTuple

from src.inventory.document import Status

_PREFIXES: dict[str, Status] = {"x": "skipped", "f": "focused"}
#: Each makes one test for each of its values, or holds the tests that are made so.
DATA = re.compile(
    r"with(Data|Ands|Contexts|Describes|Expects|Features|Givens|Its|Scenarios|Shoulds|Tests|Thens|Whens)"
)


class Style(NamedTuple):
    """The words of calls `word("name") { }`, of `"name" word { }`, and whether `"name" { }` is a test."""

    tests: frozenset[str] = frozenset()
    suites: frozenset[str] = frozenset()
    infixes: frozenset[str] = frozenset()
    has_strings: bool = False


STYLES = {
    "AnnotationSpec": Style(),
    "BehaviorSpec": Style(
        frozenset({"then", "Then"}),
        frozenset({"context", "Context", "given", "Given", "when", "When", "and", "And"}),
    ),
    "DescribeSpec": Style(frozenset({"it"}), frozenset({"context", "describe"})),
    "ExpectSpec": Style(frozenset({"expect"}), frozenset({"context"})),
    "FeatureSpec": Style(frozenset({"scenario"}), frozenset({"feature"})),
    "FreeSpec": Style(infixes=frozenset({"-"}), has_strings=True),
    "FunSpec": Style(frozenset({"test"}), frozenset({"context"})),
    "ShouldSpec": Style(frozenset({"should"}), frozenset({"context"})),
    "StringSpec": Style(has_strings=True),
    "WordSpec": Style(infixes=frozenset({"should", "when", "When"}), has_strings=True),
}
#: The style of a class whose base does not tell it.
ANY = Style(
    frozenset().union(*(each.tests for each in STYLES.values())),
    frozenset().union(*(each.suites for each in STYLES.values())),
    frozenset().union(*(each.infixes for each in STYLES.values())),
    has_strings=True,
)
#: Functions that make tests for specs to include.
FACTORIES = {f"{name[0].lower()}{name[1:]}": style for name, style in STYLES.items()}


def of_word(word: str, words: frozenset[str]) -> Status | None:
    """The status that a word gives what it declares: `xtest` is `skipped`; None if it is none of the words."""
    if word in words:
        return "active"
    return _PREFIXES.get(word[:1]) if word[1:] in words else None


def of_name(name: str) -> tuple[str, Status]:
    """A test's name without the prefix that skips or focuses the test, and the status by it."""
    if name.startswith("!"):
        return name[1:], "skipped"
    return (name[2:], "focused") if name.startswith("f:") else (name, "active")
