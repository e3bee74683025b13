"""What a language does, and what it is given for it."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from src.inventory.document import Entry, Undecided


class Sources(Protocol):
    """An archive's files, as a language asks for them."""

    @property
    def paths(self) -> Sequence[str]:
        """Every file of the archive, sorted."""
        ...

    @property
    def summaries(self) -> Mapping[str, bytes]:
        """What has been read so far."""
        ...

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Why files could not be read."""
        ...

    def load(self, paths: AbstractSet[str]) -> None:
        """Read further files."""
        ...

    def tell(self, done: int, of: int) -> None:
        """Tell how many test files have been looked at."""
        ...


class Tests(NamedTuple):
    """The tests of one language."""

    entries: Iterator[Entry]
    unreadable: dict[str, str]
    undecided: list[Undecided]
    unread: frozenset[str] = frozenset()
    """Files of any name of which nothing parsed that is a test."""


class Language(Protocol):
    """Reads a summary of each file by itself, and the tests from all the summaries."""

    name: str
    reads_again: bool
    """Whether `tests` loads files that were not needed at first."""

    def wants(self, path: str) -> bool:
        """Whether a file's content may matter."""
        ...

    def is_needed(self, path: str, content: bytes) -> bool:
        """Whether a file is read before anything asks for it."""
        ...

    def read(self, path: str, content: bytes) -> bytes:
        """The summary of a file. Raises SourceUnreadable if it does not parse."""
        ...

    def tests(self, sources: Sources) -> Tests:
        """The tests of an archive."""
        ...
