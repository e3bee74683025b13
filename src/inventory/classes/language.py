"""A language whose tests are methods of classes."""

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from src.inventory.classes.facts import Class, ClassFacts, Settings
from src.inventory.classes.kin import Kin
from src.inventory.classes.scope import Scope
from src.inventory.document import Entry, Undecided
from src.inventory.syntax.facts import FileFacts, entry
from src.inventory.syntax.files import Files
from src.inventory.syntax.language import ParsedLanguage


class ClassLanguage(ParsedLanguage[ClassFacts | Settings]):
    """A language whose classes derive each other across files, and whose build says which framework runs them."""

    roots: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    """The names of the frameworks' own classes."""
    outside: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    """Names by which a class outside the archive is taken for one that derives a framework's."""
    plain: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    """The names of classes outside the archive that are no tests'."""
    settings_files: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")
    """The files whose `Settings` are read. As it stands, none."""

    def facts(self, path: str, content: bytes) -> ClassFacts | Settings | None:
        """What a build says, or what a source file declares."""
        if self.settings_files.search(path):
            return self.settings_of(path, content)
        found = self.declared(path, content)
        return found if self.tells(found) else None

    def settings_of(self, path: str, content: bytes) -> Settings:
        """What one of `settings_files` says. As it stands, nothing."""
        return Settings()

    @abstractmethod
    def declared(self, path: str, content: bytes) -> ClassFacts:
        """The classes and tests of a source file, read by itself. Raises SourceUnreadable."""

    def tells(self, found: ClassFacts) -> bool:
        """Whether a file has anything for which it is kept."""
        return bool(found.classes or found.cases or found.first_error)

    def decided(self, files: Files[ClassFacts | Settings]) -> tuple[Iterator[Entry], list[Undecided]]:
        """The entries; and, in files with a test's name, the classes of which only running would tell."""
        scope = Scope(self.settings(files))
        kin = self.kin(files, scope)
        undecided = [
            Undecided(path=path, line=each.line, name=each.name, reason=reason)
            for path, facts in self._collected(files, scope)
            if self.is_test_file(path)
            for each in facts.classes
            if (reason := self.doubt(each, kin))
        ]
        return self.entries_by(files, scope, kin), undecided

    def doubt(self, each: Class, kin: Kin) -> str:
        """Why only running would tell whether a class's tests run; empty if that is known."""
        if each.is_marked or not each.cases or each.is_abstract or kin.is_test_class(each):
            return ""
        return "a base lies outside the archive" if kin.has_outside_base(each) else ""

    def entries_by(self, files: Files[ClassFacts | Settings], scope: Scope, kin: Kin) -> Iterator[Entry]:
        """The entries of the files in which tests run."""
        for path, facts in self._collected(files, scope):
            found = self.running(path, facts, kin, scope)
            if found.framework and (found.cases or found.suites):
                yield entry(path, self.name, found)

    def kin(self, files: Files[ClassFacts | Settings], scope: Scope) -> Kin:
        """Which of the classes that settings let run derive each other."""
        collected = (facts for _, facts in self._collected(files, scope))
        return Kin(collected, self.roots, self.outside, self.plain)

    def settings(self, files: Files[ClassFacts | Settings]) -> Iterator[tuple[str, Settings]]:
        """What says how a folder's files are run."""
        for path in files.every_path:
            if self.settings_files.search(path) and path in files:
                facts = files[path]
                if isinstance(facts, Settings):
                    yield path, facts

    def collected(self, path: str, facts: ClassFacts, scope: Scope) -> ClassFacts:
        """What of a file its settings let run. As it stands, all."""
        return facts

    def wants(self, path: str) -> bool:
        """Whether it is a source file of the language, or says how it is built."""
        return super().wants(path) or bool(self.settings_files.search(path) and not self._inside.search(path))

    def is_needed(self, path: str, content: bytes) -> bool:
        """Whether a file may hold a test, or settings."""
        return bool(self.settings_files.search(path)) or super().is_needed(path, content)

    def found(self, facts: ClassFacts | Settings) -> FileFacts | None:
        """All of a file's own tests, whether their classes run or not."""
        if isinstance(facts, Settings):
            return None
        cases = tuple(case for each in facts.classes for case in each.cases)
        return FileFacts(facts.framework, facts.suites, facts.cases + cases, facts.first_error)

    def running(self, path: str, facts: ClassFacts, kin: Kin, scope: Scope) -> FileFacts:
        """The suites and tests of a file that run."""
        running = [each for each in facts.classes if kin.runs(each) and self._is_test_class(each, kin)]
        suites = [
            each
            for each in facts.classes
            if not each.is_abstract
            and (kin.has_marked_tests(each) or (self._is_test_class(each, kin) and kin.has_tests(each)))
        ]
        return FileFacts(
            framework=self.framework(path, facts, kin, scope),
            suites=len(suites) + sum(each.suites for each in running) + facts.suites,
            cases=tuple(
                sorted((*facts.cases, *(case for each in running for case in each.cases)), key=_line)
            ),
        )

    def framework(self, path: str, facts: ClassFacts, kin: Kin, scope: Scope) -> str:
        """The framework of a file: by itself, its bases, its build, its marks. Empty if nothing tells."""
        inherited = (kin.framework_of(each) for each in facts.classes)
        told = (facts.framework, *inherited, *scope.frameworks(path), *facts.able)
        return next((each for each in told if each and (not facts.able or each in facts.able)), "")

    def _is_test_class(self, each: Class, kin: Kin) -> bool:
        return each.is_marked or kin.is_test_class(each)

    def _collected(
        self, files: Files[ClassFacts | Settings], scope: Scope
    ) -> Iterator[tuple[str, ClassFacts]]:
        for path, facts in files:
            if isinstance(facts, ClassFacts):
                yield path, self.collected(path, facts, scope)


def _line(case: tuple[str, int, str]) -> int:
    return case[1]
