"""The languages whose tests are counted."""

from typing import Protocol

from src.inventory.document import Entry
from src.inventory.python.language import Python


class Language(Protocol):
    """Knows its test files by their path and counts the tests in one."""

    name: str

    def is_test_file(self, path: str) -> bool: ...

    def read(self, path: str, source: bytes) -> Entry:
        """The tests of one file. Raises SourceUnreadable if it does not parse."""
        ...


LANGUAGES: tuple[Language, ...] = (Python(),)


def language_of(path: str) -> Language | None:
    """The language of a test file; None for a path that is no test file's."""
    return next((language for language in LANGUAGES if language.is_test_file(path)), None)
