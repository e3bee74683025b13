"""The facts about a file whose tests are methods of classes."""

from typing import NamedTuple

from src.inventory.syntax.facts import Found


class Class(NamedTuple):
    """A class by its own body. `bases` are simple names, without package and arguments."""

    name: str
    bases: tuple[str, ...] = ()
    cases: tuple[Found, ...] = ()
    suites: int = 0
    """Suites inside it, of frameworks whose suites are calls."""
    is_abstract: bool = False
    """Only classes that derive it run."""
    is_marked: bool = True
    """Its cases are marked as tests. Without a mark they are tests if the class derives the framework's."""
    line: int = 0
    """Where it begins, for those that may be undecided."""

    @property
    def simple_name(self) -> str:
        return self.name.rpartition("::")[2]


class ClassFacts(NamedTuple):
    """A file. `framework` is empty where nothing in the file names one."""

    framework: str
    classes: tuple[Class, ...] = ()
    cases: tuple[Found, ...] = ()
    """Tests outside any class."""
    suites: int = 0
    first_error: int = 0
    able: tuple[str, ...] = ()
    """The frameworks that its marks may be of, the likelier one first; none if the marks tell nothing."""


class Settings(NamedTuple):
    """What a build's file says about its folder; `frameworks` in the order in which they are believed.

    `collected` are patterns of the paths of the files that are run; None if the file says nothing of it.
    """

    frameworks: tuple[str, ...] = ()
    collected: tuple[str, ...] | None = None
