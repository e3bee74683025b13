"""The tests of one C++ file.

Macros declare them, and to a grammar that does not know the macros each of them is an error, often with all that follows. So
the text is read, and not a tree of it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from src.inventory.cpp import macros
from src.inventory.cpp.text import Piece, body, pieces, unquoted
from src.inventory.document import Status
from src.inventory.syntax.facts import Found, joined, strongest

#: Suites around a test that its name has.
_MOST_AROUND = 20
_SKIPPING = ("GTEST_SKIP(", "SKIP(", "CATCH_SKIP(")
_HIDDEN, _FAILING = {"!hide", "!benchmark"}, {"!shouldfail", "!mayfail"}
_TAG = re.compile(r"\[([^\]]*)\]")
_DECORATORS: tuple[tuple[re.Pattern[str], Status], ...] = (
    (re.compile(r"\bskip\(\s*(true)?\s*\)"), "skipped"),
    (re.compile(r"\b(should_fail|may_fail)\(\s*(true)?\s*\)|\bexpected_failures\("), "xfail"),
)


class CppFacts(NamedTuple):
    """A file's tests; `macros` are the names of those that declare them, `included` the frameworks that its includes name."""

    macros: frozenset[str]
    included: tuple[str, ...]
    cases: tuple[Found, ...]
    suites: int


class _Suite(NamedTuple):
    """A doctest suite around tests; `depth` is that of its braces, 0 if it has none."""

    name: str
    statuses: tuple[Status, ...]
    depth: int


def read(content: bytes) -> CppFacts:
    """The facts of a file."""
    reader = _Reader(content.decode("utf-8", "replace"))
    reader.read()
    return CppFacts(
        macros=frozenset(reader.used),
        included=macros.included(content),
        cases=tuple(reader.cases),
        suites=len(reader.suites),
    )


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._around: list[_Suite] = []
        self._depth = 0
        self._known: set[str] = set()
        self.used: set[str] = set()
        self.suites: set[str] = set()
        self.cases: list[Found] = []

    def read(self) -> None:
        """Go through the calls of macros."""
        line, counted = 1, 0
        for piece in pieces(self._text):
            line, counted = line + self._text.count("\n", counted, piece.begin), piece.begin
            if piece.text == "{":
                self._depth += 1
            elif piece.text == "}":
                self._leave()
            elif piece.text in macros.SUITES:
                self._enter(piece)
            elif piece.text in macros.GOOGLETEST:
                self._add_googletest(piece, line)
            else:
                self._add(piece, line)

    def _enter(self, piece: Piece) -> None:
        if piece.text == "TEST_SUITE_END":
            if self._around:
                self._around.pop()
            return
        name = unquoted(piece.arguments[0]) or piece.arguments[0]
        depth = 0 if piece.text == "TEST_SUITE_BEGIN" else self._depth + 1
        self.suites.add(self._joined(name))
        self._around.append(_Suite(name, tuple(_decorators(piece.arguments)), depth))

    def _leave(self) -> None:
        if self._around and self._around[-1].depth == self._depth:
            self._around.pop()
        self._depth = max(0, self._depth - 1)

    def _add_googletest(self, piece: Piece, line: int) -> None:
        begun = body(self._text, piece.end)
        if begun is None or len(piece.arguments) < 2:
            return
        suite, name = piece.arguments[:2]
        whole = joined((suite,), name)
        if whole in self._known:
            return
        self._known.add(whole)
        self.suites.add(suite)
        is_off = suite.startswith("DISABLED_") or name.startswith("DISABLED_") or begun.startswith(_SKIPPING)
        self._take(piece, Found(whole, line, "skipped" if is_off else "active"))

    def _add(self, piece: Piece, line: int) -> None:
        begun = body(self._text, piece.end)
        if begun is None and piece.text not in macros.WITHOUT_BODY:
            return
        texts = [text for each in piece.arguments if (text := unquoted(each)) is not None]
        name = texts[0] if texts else "Anonymous test case"
        told = f"Scenario: {name}" if piece.text.startswith("SCENARIO") else name
        said: list[Status] = ["skipped"] if begun and begun.startswith(_SKIPPING) else []
        around = [status for suite in self._around[-_MOST_AROUND:] for status in suite.statuses]
        status = strongest(*said, *around, *_tags(texts[1:2]), *_decorators(piece.arguments))
        self._take(piece, Found(self._joined(told), line, status))

    def _take(self, piece: Piece, case: Found) -> None:
        self.used.add(piece.text)
        self.cases.append(case)

    def _joined(self, name: str) -> str:
        # A bound, so that suites inside suites take no square.
        return joined([each.name for each in self._around[-_MOST_AROUND:]], name)


def _tags(texts: list[str]) -> Iterator[Status]:
    for tag in _TAG.findall("".join(texts)):
        if tag.startswith(".") or tag.lower() in _HIDDEN:
            yield "skipped"
        elif tag.lower() in _FAILING:
            yield "xfail"


def _decorators(arguments: tuple[str, ...]) -> Iterator[Status]:
    for argument in arguments:
        if "*" in argument:
            yield from (status for pattern, status in _DECORATORS if pattern.search(argument))
