"""The classes and tests of one Java file."""

from collections.abc import Iterable, Iterator
from itertools import chain

from tree_sitter import Node

from src.inventory.classes.facts import Class, ClassFacts
from src.inventory.document import Status
from src.inventory.jvm.imports import Imports, simple_of
from src.inventory.jvm.marks import Mark, is_around_tests, of_classes, skips, statuses
from src.inventory.syntax.facts import Found, joined, strongest
from src.inventory.syntax.parsing import Source, line_of

_CLASSES = {"class_declaration", "interface_declaration", "record_declaration", "enum_declaration"}


def read(source: Source) -> ClassFacts:
    """The facts of a file."""
    reader = _Reader(source)
    classes = tuple(reader.classes(source.root, (), ()))
    framework = reader.imports.framework(sorted(reader.used))
    return ClassFacts(framework=framework, classes=classes, first_error=source.first_error)


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self.imports = _imports(source)
        self.used: set[str] = set()

    def classes(self, body: Node, outer: tuple[str, ...], marks: tuple[Mark, ...]) -> Iterator[Class]:
        """Each class in there that a framework could run, and those inside it."""
        for node in _members(body):
            own = self._marks(node)
            if node.type not in _CLASSES or not _is_reachable(node, own, self._words(node), outer):
                continue
            names = (*outer, self._name(node))
            inherited = (*marks, *own)
            yield self._class(node, names, own, inherited)
            if inside := node.child_by_field_name("body"):
                yield from self.classes(inside, names, inherited)

    def _class(
        self, node: Node, names: tuple[str, ...], own: tuple[Mark, ...], marks: tuple[Mark, ...]
    ) -> Class:
        bases = tuple(self._bases(node))
        methods = [
            each for each in _members(node.child_by_field_name("body")) if each.type == "method_declaration"
        ]
        cases = tuple(self._cases(methods, names, own, marks))
        is_old = not cases and any(
            self.imports.names.get(base) == "junit.framework.TestCase" for base in bases
        )
        return Class(
            name="::".join(names),
            bases=bases,
            cases=tuple(self._old_cases(methods, names, marks)) if is_old else cases,
            is_abstract=node.type == "interface_declaration" or "abstract" in self._words(node),
        )

    def _cases(
        self, methods: Iterable[Node], names: tuple[str, ...], own: tuple[Mark, ...], marks: tuple[Mark, ...]
    ) -> Iterator[Found]:
        is_whole = any(mark.simple == "Test" for mark in own) and self.imports.is_test("Test")
        for method in methods:
            found = self._marks(method)
            tests = [mark for mark in found if self.imports.is_test(mark.name)]
            words = self._words(method)
            if "private" in words:
                continue
            if tests or (is_whole and self._is_plain(method, words, found)):
                self.used.update(mark.name for mark in tests or own if self.imports.is_test(mark.name))
                yield self._found(method, names, [*of_classes(marks, tests), *found])

    def _old_cases(
        self, methods: Iterable[Node], names: tuple[str, ...], marks: tuple[Mark, ...]
    ) -> Iterator[Found]:
        """By JUnit 3, public methods whose names begin with `test`."""
        for method in methods:
            is_test = self._name(method).startswith("test") and "public" in self._words(method)
            if is_test and not _parameters(method):
                yield self._found(method, names, [*marks, *self._marks(method)])

    def _is_plain(self, method: Node, words: set[str], marks: tuple[Mark, ...]) -> bool:
        """Whether TestNG takes the method of a class marked `@Test` for a test."""
        returned = self._source.text(method.child_by_field_name("type"))
        is_other = any(map(is_around_tests, marks))
        return "public" in words and "static" not in words and returned == "void" and not is_other

    def _found(self, method: Node, names: tuple[str, ...], marks: list[Mark]) -> Found:
        name = method.child_by_field_name("name")
        said: list[Status] = ["skipped"] if self._skips(method) else []
        return Found(
            joined(names, self._source.text(name)),
            line_of(name or method),
            strongest(*said, *statuses(marks)),
        )

    def _skips(self, method: Node) -> bool:
        statements = _members(method.child_by_field_name("body"))
        return skips(next((self._source.text(each) for each in statements), ""))

    def _bases(self, node: Node) -> Iterator[str]:
        kinds = {"superclass", "super_interfaces", "extends_interfaces"}
        for each in chain.from_iterable(
            _members(child) for child in node.named_children if child.type in kinds
        ):
            for base in each.named_children if each.type == "type_list" else [each]:
                yield simple_of(self._source.text(base).partition("<")[0].strip())

    def _marks(self, node: Node) -> tuple[Mark, ...]:
        return tuple(
            Mark(
                self._source.text(each.child_by_field_name("name")),
                self._source.compact(each.child_by_field_name("arguments")),
            )
            for each in _members(_modifiers(node))
            if each.type in {"annotation", "marker_annotation"}
        )

    def _words(self, node: Node) -> set[str]:
        modifiers = _modifiers(node)
        return {each.type for each in modifiers.children} if modifiers else set()

    def _name(self, node: Node) -> str:
        return self._source.text(node.child_by_field_name("name"))


def _imports(source: Source) -> Imports:
    names: dict[str, str] = {}
    packages: list[str] = []
    for node in source.root.named_children:
        if node.type == "import_declaration":
            whole = source.text(
                next((each for each in node.named_children if "identifier" in each.type), None)
            )
            if any(each.type == "asterisk" for each in node.named_children):
                packages.append(whole)
            else:
                names[simple_of(whole)] = whole
    return Imports(names, tuple(packages))


def _is_reachable(node: Node, marks: tuple[Mark, ...], words: set[str], outer: tuple[str, ...]) -> bool:
    """Whether a runner makes objects of a class: an inner one needs its outer one's, unless it is marked so."""
    if not outer:
        return True
    is_nested = any(mark.simple == "Nested" for mark in marks)
    return "private" not in words and (is_nested or "static" in words or node.type == "interface_declaration")


def _members(node: Node | None) -> Iterator[Node]:
    for each in node.named_children if node else ():
        if each.type == "enum_body_declarations":
            yield from _members(each)
        elif not each.is_extra:
            yield each


def _modifiers(node: Node) -> Node | None:
    return next((each for each in node.named_children if each.type == "modifiers"), None)


def _parameters(method: Node) -> list[Node]:
    parameters = method.child_by_field_name("parameters")
    return [each for each in parameters.named_children if not each.is_extra] if parameters else []
