"""The language `cpp`."""

import re
from collections.abc import Iterator

from src.inventory.classes.facts import Settings
from src.inventory.classes.scope import Scope
from src.inventory.cpp import macros
from src.inventory.cpp.reader import CppFacts, read
from src.inventory.document import Entry
from src.inventory.syntax.facts import FileFacts, entry
from src.inventory.syntax.files import Files
from src.inventory.syntax.language import ParsedLanguage


class Cpp(ParsedLanguage[CppFacts | Settings]):
    """The language `cpp` with the frameworks `googletest`, `catch2` and `doctest`."""

    name = "cpp"
    endings = (".cpp", ".cc", ".cxx", ".c++", ".cu", ".hpp", ".hh", ".hxx", ".h", ".ipp", ".inl", ".inc")
    likely = macros.CALL

    def wants(self, path: str) -> bool:
        """Whether it is a source file, or says how it is built."""
        return super().wants(path) or bool(macros.BUILDS.search(path) and not self._inside.search(path))

    def is_needed(self, path: str, content: bytes) -> bool:
        """Whether a file may hold a test, or settings."""
        return bool(macros.BUILDS.search(path)) or super().is_needed(path, content)

    def facts(self, path: str, content: bytes) -> CppFacts | Settings | None:
        """The tests of a file, or what a build says."""
        if macros.BUILDS.search(path):
            return Settings(macros.built(content))
        found = read(content)
        return found if found.cases else None

    def entries(self, files: Files[CppFacts | Settings]) -> Iterator[Entry]:
        """The entries of an archive, by path."""
        scope = Scope((path, facts) for path, facts in files if isinstance(facts, Settings))
        for path, facts in files:
            if isinstance(facts, CppFacts) and (framework := self._framework(path, facts, scope)):
                yield entry(path, self.name, FileFacts(framework, facts.suites, facts.cases))

    def _framework(self, path: str, facts: CppFacts, scope: Scope) -> str:
        """The framework that has a file's macros: by its includes, its build, its name."""
        if macros.OTHERS & set(facts.included):
            return ""
        able = [name for name, known in macros.OF.items() if facts.macros & known]
        specific = [name for name in able if facts.macros <= macros.OF[name]] or able
        by_name = specific if re.search(r"(?i)test|spec", path) else []
        told = (*facts.included, *scope.frameworks(path), *by_name)
        return next((name for name in told if name in specific), "")
