"""The classes and tests of one Java file."""

from collections.abc import Iterator
from itertools import chain

from tree_sitter import Node

from src.inventory.classes.facts import Class, ClassFacts
from src.inventory.jvm.imports import Imports, simple_of
from src.inventory.jvm.marks import Mark
from src.inventory.jvm.reader import Around, JvmReader
from src.inventory.syntax.parsing import Source, line_of

_CLASSES = {"class_declaration", "interface_declaration", "record_declaration", "enum_declaration"}


def read(source: Source) -> ClassFacts:
    """The facts of a file."""
    reader = _Reader(source, _imports(source))
    classes = tuple(reader.classes(source.root, Around()))
    return ClassFacts(reader.framework, classes, first_error=source.first_error, able=reader.able)


class _Reader(JvmReader):
    hidden = frozenset({"private"})

    def classes(self, body: Node, around: Around) -> Iterator[Class]:
        """Each class in there that a framework could run, and those inside it."""
        for node in _members(body):
            own = self._marks(node)
            if node.type not in _CLASSES or not _is_reachable(node, own, self._words(node), around):
                continue
            within = around.inside(self._source.text(node.child_by_field_name("name")), own)
            yield self._class(node, within, own)
            if inside := node.child_by_field_name("body"):
                yield from self.classes(inside, within)

    def _class(self, node: Node, around: Around, own: tuple[Mark, ...]) -> Class:
        bases = tuple(self._bases(node))
        methods = [
            each for each in _members(node.child_by_field_name("body")) if each.type == "method_declaration"
        ]
        found = Class(
            name="::".join(around.names),
            bases=bases,
            cases=tuple(self._cases(methods, around, own)),
            is_abstract=node.type == "interface_declaration" or "abstract" in self._words(node),
            line=line_of(node.child_by_field_name("name") or node),
        )
        is_derived = node.child_by_field_name("superclass") is not None
        return self._old_class(found, methods, around) if is_derived and not found.cases else found

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

    def _is_public(self, words: set[str]) -> bool:
        return "public" in words

    def _is_plain(self, method: Node, words: set[str]) -> bool:
        return self._is_public(words) and "static" not in words and self._is_void(method)

    def _is_void(self, method: Node) -> bool:
        return self._source.text(method.child_by_field_name("type")) == "void"

    def _parameters(self, method: Node) -> Node | None:
        return method.child_by_field_name("parameters")

    def _first(self, method: Node) -> Node | None:
        return next(_members(method.child_by_field_name("body")), None)


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


def _is_reachable(node: Node, marks: tuple[Mark, ...], words: set[str], around: Around) -> bool:
    """Whether a runner makes objects of a class: an inner one needs its outer one's, unless it is marked so."""
    if not around.names:
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
