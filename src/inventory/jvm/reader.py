"""Which methods of a class are tests, whichever language of the JVM it is written in."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, NamedTuple

from tree_sitter import Node

from src.inventory.classes.facts import Class
from src.inventory.document import Status
from src.inventory.jvm.imports import Imports
from src.inventory.jvm.marks import Mark, is_around_tests, of_classes, skips, statuses
from src.inventory.syntax.facts import Found, joined, strongest
from src.inventory.syntax.parsing import Source, line_of


class Around(NamedTuple):
    """The classes around a class or a method."""

    names: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()

    def inside(self, name: str, marks: tuple[Mark, ...]) -> "Around":
        """What is around the members of a class in there."""
        return Around((*self.names, name), (*self.marks, *marks))


class JvmReader(ABC):
    """Finds the tests of one file. How they are written, the language's own reader says."""

    hidden: ClassVar[frozenset[str]]
    """Words of methods that are no tests, whatever marks them."""

    def __init__(self, source: Source, imports: Imports) -> None:
        self._source = source
        self._imports = imports
        self.used: set[str] = set()
        """The annotations of the tests found so far."""
        self.old: set[str] = set()
        """The classes that are JUnit 3's if a base that this file does not have is."""

    @property
    def framework(self) -> str:
        """The framework of these annotations; empty if no import names one."""
        return self._imports.framework(sorted(self.used))

    @abstractmethod
    def _marks(self, node: Node) -> tuple[Mark, ...]:
        """The annotations of a class or a method."""

    @abstractmethod
    def _words(self, node: Node) -> set[str]:
        """The modifiers of a class or a method."""

    @abstractmethod
    def _is_public(self, words: set[str]) -> bool: ...

    @abstractmethod
    def _is_plain(self, method: Node, words: set[str]) -> bool:
        """Whether a method is one as TestNG runs them: public, of an object, and without result."""

    @abstractmethod
    def _is_void(self, method: Node) -> bool:
        """Whether a method has no result, as far as its head tells."""

    @abstractmethod
    def _parameters(self, method: Node) -> Node | None: ...

    @abstractmethod
    def _first(self, method: Node) -> Node | None:
        """A method's first statement."""

    def _cases(self, methods: Iterable[Node], around: Around, own: tuple[Mark, ...]) -> Iterator[Found]:
        """The tests that annotations mark, on the methods or on their class, whose `own` marks these are."""
        is_whole = any(mark.simple == "Test" for mark in own) and self._imports.is_test("Test")
        for method in methods:
            marks, words = self._marks(method), self._words(method)
            tests = [mark for mark in marks if self._imports.is_test(mark.name)]
            if words & self.hidden:
                continue
            if tests or (is_whole and self._is_plain(method, words) and not any(map(is_around_tests, marks))):
                self.used.update(mark.name for mark in tests or own if self._imports.is_test(mark.name))
                yield self._found(method, around.names, [*of_classes(around.marks, tests), *marks])

    def _is_old(self, bases: Iterable[str]) -> bool:
        """Whether a class is one of JUnit 3's."""
        return any(self._imports.names.get(base) == "junit.framework.TestCase" for base in bases)

    def _old_class(self, found: Class, methods: Iterable[Node], around: Around) -> Class:
        """The class with the tests that it has if it is one of JUnit 3's, by its own imports or by its bases' files."""
        cases = tuple(self._old_cases(methods, around))
        is_marked = self._is_old(found.bases) or not cases
        if not is_marked:
            self.old.add(found.name)
        return found._replace(cases=cases, is_marked=is_marked)

    @property
    def able(self) -> tuple[str, ...]:
        """JUnit 3's tests are JUnit 4's to run."""
        return ("junit4",) if self.old and not self.used else ()

    def _old_cases(self, methods: Iterable[Node], around: Around) -> Iterator[Found]:
        """By JUnit 3, public methods whose names begin with `test`, without parameters and result."""
        for method in methods:
            is_test = self._method_name(method).startswith("test") and self._is_void(method)
            if is_test and self._is_public(self._words(method)) and not self._has_parameters(method):
                yield self._found(method, around.names, [*around.marks, *self._marks(method)])

    def _found(self, method: Node, names: tuple[str, ...], marks: list[Mark]) -> Found:
        said: list[Status] = ["skipped"] if skips(self._source.text(self._first(method))) else []
        return Found(
            joined(names, self._method_name(method)),
            line_of(method.child_by_field_name("name") or method),
            strongest(*said, *statuses(marks)),
        )

    def _method_name(self, method: Node) -> str:
        """The name, without the quotes that Kotlin allows."""
        return self._source.text(method.child_by_field_name("name")).strip("`")

    def _has_parameters(self, method: Node) -> bool:
        parameters = self._parameters(method)
        return any(not each.is_extra for each in (parameters.named_children if parameters else ()))
