"""The language `rust`."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from src.inventory.document import Entry, Undecided
from src.inventory.rust import manifest
from src.inventory.rust.attributes import aliases
from src.inventory.rust.crates import Built, Crates, Links
from src.inventory.rust.expansion import Macros, slimmed
from src.inventory.rust.items import Items, Place, Test, nothing, read
from src.inventory.rust.manifest import Manifest
from src.inventory.rust.tokens import tokens
from src.inventory.syntax.facts import FileFacts, entry
from src.inventory.syntax.files import Files
from src.inventory.syntax.language import ParsedLanguage
from src.inventory.syntax.parsing import parse

_OWN_HARNESS = "its own harness (harness = false) makes its tests when it runs"

_TOO_LONG = "is too long to be read to its end; what follows was not counted"


class RustFacts(NamedTuple):
    """A file by itself."""

    items: Items
    first_error: int
    end: int = 0
    """The line behind which the file was not read, 0 if all was."""


class Rust(ParsedLanguage[RustFacts | Manifest]):
    """The language `rust` with libtest and the frameworks whose tests it runs."""

    name = "rust"
    endings = (".rs", f"/{manifest.NAME}")
    likely = re.compile(
        rb"(?m)#\s*\[[^\]#]{0,300}?(?:test|quickcheck|apply)|\bmod\s+\w+\s*;|macro_rules!|\binclude!|^[\w:]+!\s*[({\[]"
    )

    def wants(self, path: str) -> bool:
        """Whether it is a source file, or a package's manifest."""
        return super().wants(path) or path == manifest.NAME

    def is_needed(self, path: str, content: bytes) -> bool:
        """Whether a file may hold or lead to a test."""
        return _is_manifest(path) or super().is_needed(path, content)

    def is_test_file(self, path: str) -> bool:
        """Whether its name tells of tests, or it lies among them."""
        return not _is_manifest(path) and (super().is_test_file(path) or "/tests/" in f"/{path}")

    def facts(self, path: str, content: bytes) -> RustFacts | Manifest | None:
        """The items of a file, or the package of a manifest."""
        if _is_manifest(path):
            return manifest.manifest(content)
        source = parse("rust", content)
        items = nothing()
        parts, end = tokens(source, path, aliases(content))
        read(parts, Place(), items)
        items = items._replace(macros=list(map(slimmed, items.macros)))
        return RustFacts(items, source.first_error, end) if any(items) or source.first_error else None

    def found(self, facts: RustFacts | Manifest) -> FileFacts | None:
        """The file's own tests, without those that macros make."""
        if isinstance(facts, Manifest):
            return None
        error = 0 if facts.items.calls else facts.first_error
        return _file(facts.items.tests)._replace(first_error=error)

    def decided(self, files: Files[RustFacts | Manifest]) -> tuple[Iterator[Entry], list[Undecided]]:
        """The entries of the files that Cargo builds; macros of one file make tests of others."""
        macros = Macros(each for _, facts in _sources(files) for each in facts.items.macros)
        made: dict[str, list[Test]] = defaultdict(list)
        links: dict[str, Links] = {}
        ends: dict[str, int] = {}
        for path, facts in _sources(files):
            outcome = macros.items(path, facts.items.calls)
            links[path] = Links.of(facts.items, outcome)
            for test in outcome.tests:
                made[test.path].append(test)
            if facts.end:
                ends[path] = facts.end
        crates = Crates(files.every_path, _manifests(files))
        built = crates.built(links)
        cut = [
            Undecided(path=path, line=end, name=path, reason=_TOO_LONG)
            for path, end in ends.items()
            if built.holds(path)
        ]
        unfollowed = [each for path, each in macros.undecided.items() if built.holds(path)]
        return self._entries(files, built, made), [*_own_harnesses(crates), *cut, *unfollowed]

    def _entries(
        self, files: Files[RustFacts | Manifest], built: Built, made: Mapping[str, list[Test]]
    ) -> Iterator[Entry]:
        for path, facts in _sources(files):
            tests = [*facts.items.tests, *made.get(path, ())]
            if tests and built.holds(path):
                yield entry(path, self.name, _file(tests))


def _own_harnesses(crates: Crates) -> Iterator[Undecided]:
    """The crates whose tests libtest does not run."""
    for root in crates.roots:
        if not root.has_harness:
            yield Undecided(path=root.path, line=1, name=root.name, reason=_OWN_HARNESS)


def _file(tests: Iterable[Test]) -> FileFacts:
    """A test counts once, however often a macro repeats it."""
    once: dict[tuple[int, str], Test] = {}
    for test in tests:
        once.setdefault((test.found.line, test.found.name.rpartition("::")[2]), test)
    found = sorted(once.values(), key=lambda test: test.found.line)
    frameworks = Counter(test.framework for test in found)
    modules = {module for test in found for module in test.modules if module.path == test.path}
    return FileFacts(
        framework=frameworks.most_common(1)[0][0] if frameworks else "libtest",
        suites=len(modules),
        cases=tuple(test.found for test in found),
    )


def _sources(files: Files[RustFacts | Manifest]) -> Iterator[tuple[str, RustFacts]]:
    for path, facts in files:
        if isinstance(facts, RustFacts):
            yield path, facts


def _manifests(files: Files[RustFacts | Manifest]) -> dict[str, Manifest]:
    """The packages, by folder."""
    found = ((path, files[path]) for path in files.paths if _is_manifest(path))
    return {path.rpartition("/")[0]: facts for path, facts in found if isinstance(facts, Manifest)}


def _is_manifest(path: str) -> bool:
    return path.rpartition("/")[2] == manifest.NAME
