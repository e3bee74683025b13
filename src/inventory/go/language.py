"""Tests in Go: functions of `testing`, and methods of the suites of testify and gocheck."""

import re
from collections.abc import Iterator
from functools import cached_property

from src.inventory.document import Entry
from src.inventory.go.reader import GoFacts, read
from src.inventory.syntax.facts import FileFacts, entry
from src.inventory.syntax.files import Files
from src.inventory.syntax.language import NEVER_ENTERED, ParsedLanguage

_NEVER_BUILT = re.compile(rb"(?m)\A(?:\s*(?://[^\n]*)?\n)*?//(?:go:build ignore|\s*\+build ignore)\s*$")
_IGNORED = re.compile(r"(?:^|/)[._][^/]*(?:/|$)")


class Go(ParsedLanguage[GoFacts]):
    """The language `go` with the frameworks `testing`, `testify` and `gocheck`."""

    name = "go"
    endings = ("_test.go",)
    likely = re.compile(rb"func (?:\([^)]*\) )?(?:Test|Fuzz|Example)|suite\.Run\(|suite\.Suite")
    never_entered = (*NEVER_ENTERED, "vendor", "testdata")

    def wants(self, path: str) -> bool:
        """Whether it is a test file in a folder that the go command enters."""
        return super().wants(path) and not _IGNORED.search(path.partition("/")[2] or path)

    def facts(self, path: str, content: bytes) -> GoFacts | None:
        """The functions, methods and suites of a file."""
        return None if _NEVER_BUILT.match(content[:4096]) else read(content)

    def found(self, facts: GoFacts) -> FileFacts:
        """The file's own functions."""
        return facts.file

    def entries(self, files: Files[GoFacts]) -> Iterator[Entry]:
        """The entries of the files; the methods of a suite may lie in any file of its package."""
        packages: dict[str, _Package] = {}
        for path, facts in files:
            packages.setdefault(path.rpartition("/")[0], _Package()).add(facts)
        for path, facts in files:
            found = packages[path.rpartition("/")[0]].tests(facts)
            if found.cases or found.suites:
                yield entry(path, self.name, found)


class _Package:
    """The suites of one folder."""

    def __init__(self) -> None:
        self._bases: dict[str, tuple[str, ...]] = {}
        self._run: set[str] = set()
        self._framework = "testing"

    def add(self, facts: GoFacts) -> None:
        """Note what a file declares and runs."""
        self._bases.update(facts.bases)
        self._run.update(facts.run)
        if facts.file.framework != "testing":
            self._framework = facts.file.framework

    def tests(self, facts: GoFacts) -> FileFacts:
        """A file's functions, and the methods in it whose receivers are suites."""
        suites = self._suites
        methods = [each.test for each in facts.methods if each.receiver in suites]
        return facts.file._replace(
            framework=self._framework if methods else "testing",
            suites=len(suites.intersection(facts.bases)),
            cases=tuple(sorted((*facts.file.cases, *methods), key=lambda test: test.line)),
        )

    @cached_property
    def _suites(self) -> set[str]:
        """The types that are run as suites, and those of the package that they embed."""
        suites: set[str] = set()
        pending = list(self._run) or [name for name, held in self._bases.items() if "suite.Suite" in held]
        while pending:
            name = pending.pop()
            if name not in suites:
                suites.add(name)
                pending += (each for each in self._bases.get(name, ()) if each in self._bases)
        return suites
