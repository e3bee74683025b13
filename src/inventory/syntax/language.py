"""A language that is parsed with tree-sitter.

A new one is a folder `src/inventory/NAME` with a class that derives `ParsedLanguage`, listed in `src.inventory.languages` and
among the floors of pyproject.toml. Its `facts` runs in a child process, on one file, for at most `FILE_SECONDS`; whatever
happens to that child costs this one file. The rest runs in the parent, on what `facts` returned.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Generic, TypeVar

from src.inventory.document import Entry, Undecided
from src.inventory.language import Sources, Tests
from src.inventory.syntax.facts import FileFacts, entry
from src.inventory.syntax.files import Files, packed
from src.inventory.syntax.parsing import utf8

Facts = TypeVar("Facts")

#: Folders of others' code or of what tools make, unless the archive itself is one.
NEVER_ENTERED = ("node_modules", "bower_components", ".git", ".hg", ".svn", ".yarn", ".venv", ".tox")
_PARTLY_READ = "does not parse everywhere; the tests counted may not be all"


class ParsedLanguage(ABC, Generic[Facts]):
    """A language whose `facts` of one file are read from its syntax tree. See `src.inventory.language.Language`."""

    name: str
    """What the document calls the language."""
    endings: ClassVar[tuple[str, ...]]
    """How its files end: `(".go",)`."""
    likely: ClassVar[re.Pattern[bytes]]
    """Is found in any file that holds a test: others are not parsed. Make it quick."""
    never_entered: ClassVar[tuple[str, ...]] = NEVER_ENTERED
    """Names of folders whose files are left out."""
    reads_again = False

    def __init__(self) -> None:
        names = "|".join(map(re.escape, self.never_entered))
        self._inside = re.compile(rf"/(?:{names})/")
        self._at_top = re.compile(rf"(?:{names})/")

    def wants(self, path: str) -> bool:
        """Whether it is a source file of the language."""
        return path.endswith(self.endings) and not self._inside.search(path)

    def is_needed(self, path: str, content: bytes) -> bool:
        """Whether a file may hold a test."""
        return bool(self.likely.search(utf8(content)))

    def read(self, path: str, content: bytes) -> bytes:
        """The packed facts of a file. Raises SourceUnreadable."""
        return packed(self.facts(path, utf8(content)))

    @abstractmethod
    def facts(self, path: str, content: bytes) -> Facts | None:
        """The facts of a file, read by itself; None if there is nothing in it. Raises SourceUnreadable.

        Runs in the child. `content` is UTF-8, as far as it is text. `src.inventory.syntax.parsing.parse` reads it.
        """

    def is_test_file(self, path: str) -> bool:
        """Whether a file is told as unreadable if it cannot be read: by its name, it holds tests."""
        name = path.rpartition("/")[2].lower()
        return "test" in name or "spec" in name

    def found(self, facts: Facts) -> FileFacts | None:
        """A file's own tests. As it stands, for languages whose facts are a `FileFacts`."""
        return facts if isinstance(facts, FileFacts) else None

    def entries(self, files: Files[Facts]) -> Iterator[Entry]:
        """The entries of an archive, by path. As it stands, for languages whose files stand by themselves.

        May be lazy, and go through `files` as often as needed.
        """
        for path, facts in files:
            if (found := self.found(facts)) and (found.cases or found.suites):
                yield entry(path, self.name, found)

    def decided(self, files: Files[Facts]) -> tuple[Iterator[Entry], list[Undecided]]:
        """The entries, and what only running would tell. As it stands, nothing of that."""
        return self.entries(files), []

    def tests(self, sources: Sources) -> Tests:
        """The tests of an archive."""
        failed = [path for path in self._own(sources, sources.unreadable) if self.is_test_file(path)]
        unreadable = {path: sources.unreadable[path] for path in failed}
        read, unread, partly = [], set[str](), list[Undecided]()
        every: Files[Facts | None] = Files(sources, self._own(sources, sources.summaries))
        for path, facts in every:
            if facts is not None:
                read.append(path)
                found = self.found(facts) or FileFacts("")
                if found.cases and found.first_error:
                    partly.append(
                        Undecided(path=path, line=found.first_error, name=path, reason=_PARTLY_READ)
                    )
                elif found.first_error:
                    unread.add(path)
                    if self.is_test_file(path):
                        unreadable[path] = f"line {found.first_error}: does not parse"
        files = Files[Facts](sources, read)
        entries, undecided = self.decided(files)
        return Tests(entries, unreadable, [*undecided, *partly], frozenset(unread))

    def _own(self, sources: Sources, paths: Iterable[str]) -> list[str]:
        """The language's files among these, sorted."""
        own = sorted(filter(self.wants, paths))
        return (
            own
            if _has_leading_folder(sources.paths)
            else [path for path in own if not self._at_top.match(path)]
        )


def _has_leading_folder(paths: Sequence[str]) -> bool:
    """Whether all lies in one folder, the archive's own, whose name tells nothing."""
    return bool(paths) and paths[0].partition("/")[0] == paths[-1].partition("/")[0]
