"""The classes and tests of one C# file."""

from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from src.inventory.classes.facts import Class, ClassFacts
from src.inventory.csharp.attributes import Attribute, frameworks_of, named, statuses
from src.inventory.document import Status
from src.inventory.syntax.facts import Found, joined, strongest
from src.inventory.syntax.parsing import Source, line_of, uncommented

_CLASSES = {"class_declaration", "record_declaration", "struct_declaration"}
_AROUND = {
    "namespace_declaration",
    "file_scoped_namespace_declaration",
    "declaration_list",
    "preproc_if",
    "preproc_elif",
    "preproc_else",
    "preproc_region",
    "ERROR",
}
#: A first statement that ends the test as skipped.
_SKIPPING = (
    "Assert.Ignore(",
    "Assert.Inconclusive(",
    "Assert.Skip(",
    "Assert.Pass(",
    "thrownewSkipException(",
)


def read(source: Source) -> ClassFacts:
    """The facts of a file."""
    reader = _Reader(source)
    classes = tuple(reader.classes(source.root, _Around()))
    able = tuple(dict.fromkeys(reader.able))
    framework = next((name for name in named(reader.spaces) if name in able), "")
    return ClassFacts(framework=framework, classes=classes, first_error=source.first_error, able=able)


class _Around(NamedTuple):
    """The classes around a class."""

    names: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    is_public: bool = True


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._aliases: dict[str, str] = {}
        self.spaces: list[str] = []
        self.able: list[str] = []
        for node in self._all(source.root, {"using_directive"}):
            self._use(node)

    def classes(self, body: Node, around: _Around) -> Iterator[Class]:
        """Each class in there, and those inside it."""
        for node in self._all(body, _CLASSES):
            own = self._attributes(node)
            words = self._words(node)
            # Another part of a partial class may say more.
            is_public = "public" in words or ("partial" in words and not words & {"internal", "private"})
            inside = _Around(
                (*around.names, self._name(node)), (*around.attributes, *own), around.is_public and is_public
            )
            members = node.child_by_field_name("body")
            yield Class(
                name="::".join(inside.names),
                bases=tuple(self._bases(node)),
                cases=tuple(self._cases(members, inside, own, words)) if members else (),
                is_abstract="abstract" in words,
            )
            if members:
                yield from self.classes(members, inside)

    def _cases(
        self, members: Node, around: _Around, own: tuple[Attribute, ...], words: set[str]
    ) -> Iterator[Found]:
        is_marked = "partial" in words or any(each.simple.endswith("TestClass") for each in own)
        for node in self._all(members, {"method_declaration"}):
            attributes = self._attributes(node)
            able = {name: None for each in attributes for name in frameworks_of(each)}
            if not around.is_public:
                able.pop("xunit", None)
            if not is_marked:
                able.pop("mstest", None)
            if able:
                self.able.extend(able)
                yield self._found(node, around, attributes)

    def _found(self, method: Node, around: _Around, attributes: tuple[Attribute, ...]) -> Found:
        name = method.child_by_field_name("name")
        said: list[Status] = ["skipped"] if self._first(method).startswith(_SKIPPING) else []
        status = strongest(*said, *statuses((*around.attributes, *attributes)))
        return Found(joined(around.names, self._source.text(name)), line_of(name or method), status)

    def _first(self, method: Node) -> str:
        """A method's first statement, without blanks."""
        return self._source.compact(next(uncommented(method.child_by_field_name("body")), None))

    def _bases(self, node: Node) -> Iterator[str]:
        for bases in node.named_children:
            if bases.type == "base_list":
                for each in bases.named_children:
                    yield (
                        self._source.text(each).partition("<")[0].partition("(")[0].rpartition(".")[2].strip()
                    )

    def _attributes(self, node: Node) -> tuple[Attribute, ...]:
        lists = [each for each in node.named_children if each.type == "attribute_list" and self._is_own(each)]
        return tuple(
            self._attribute(each)
            for group in lists
            for each in group.named_children
            if each.type == "attribute"
        )

    def _is_own(self, group: Node) -> bool:
        """Whether attributes are of what they stand before, and not of what a generator makes of it."""
        targets = [each for each in group.named_children if each.type == "attribute_target_specifier"]
        return all(self._source.text(each).startswith(("method", "type")) for each in targets)

    def _attribute(self, node: Node) -> Attribute:
        name = self._source.text(node.child_by_field_name("name")).partition("<")[0]
        whole = self._aliases.get(name) or self._aliases.get(f"{name}Attribute") or name
        arguments = (
            self._source.text(each) for each in node.named_children if each.type == "attribute_argument_list"
        )
        return Attribute(whole, "".join("".join(arguments).split()))

    def _use(self, node: Node) -> None:
        names = [self._source.text(each) for each in node.named_children]
        if not names:
            return
        if node.child_by_field_name("name"):
            self._aliases[names[0]] = names[-1]
        else:
            self.spaces.append(names[-1])

    def _words(self, node: Node) -> set[str]:
        return {self._source.text(each) for each in node.children if each.type == "modifier"}

    def _name(self, node: Node) -> str:
        return self._source.text(node.child_by_field_name("name"))

    def _all(self, node: Node, kinds: set[str]) -> Iterator[Node]:
        """Nodes of some kinds, in namespaces and on either side of `#if` too."""
        for each in node.named_children:
            if each.type in kinds:
                yield each
            elif each.type in _AROUND and not self._is_never(each):
                yield from self._all(each, kinds)

    def _is_never(self, node: Node) -> bool:
        return (
            node.type == "preproc_if" and self._source.text(node.child_by_field_name("condition")) == "false"
        )
