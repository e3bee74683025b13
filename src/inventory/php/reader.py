"""The classes, functions and tests of one PHP file."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from src.inventory.classes.facts import Class, ClassFacts
from src.inventory.document import Status
from src.inventory.php.calls import Calls
from src.inventory.php.imports import aliases, simple_of
from src.inventory.syntax.facts import Found, joined, strongest
from src.inventory.syntax.parsing import Source, line_of, uncommented

_CLASSES = {"class_declaration", "trait_declaration"}
_MARK = re.compile(r"\*\s*@test\b")
_SKIPPING: tuple[tuple[re.Pattern[str], Status], ...] = (
    (
        re.compile(r"(\$this->|self::|static::|parent::|throw new \\?[\w\\]*)(markTestSkipped|Skipped)"),
        "skipped",
    ),
    (
        re.compile(r"(\$this->|self::|static::|throw new \\?[\w\\]*)(markTestIncomplete|IncompleteTest)"),
        "todo",
    ),
)


def read(source: Source) -> ClassFacts:
    """The facts of a file."""
    reader = _Reader(source)
    classes = tuple(reader.classes(source.root))
    calls = Calls(source)
    calls.read(source.root, ())
    return ClassFacts(
        framework="pest" if calls.cases and calls.is_named else "",
        classes=classes,
        cases=tuple(calls.cases),
        suites=calls.suites,
        first_error=source.first_error,
    )


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._aliases = aliases(source)

    def classes(self, body: Node) -> Iterator[Class]:
        """Each class and trait with a name, in namespaces and conditions too."""
        for node in body.named_children:
            if node.type in _CLASSES:
                yield self._class(node)
            elif node.type in {"namespace_definition", "compound_statement", "if_statement"}:
                yield from self.classes(node)

    def _class(self, node: Node) -> Class:
        name = self._source.text(node.child_by_field_name("name"))
        body = node.child_by_field_name("body")
        members = body.named_children if body else []
        around = [status for each in members if (status := self._set_up(each))]
        return Class(
            name=name,
            bases=tuple(self._bases(node, members)),
            cases=tuple(self._cases(name, members, around)),
            is_abstract=node.type == "trait_declaration"
            or any(each.type == "abstract_modifier" for each in node.children),
            is_marked=False,
            line=line_of(node.child_by_field_name("name") or node),
        )

    def _bases(self, node: Node, members: list[Node]) -> Iterator[str]:
        clauses = [each for each in node.named_children if each.type == "base_clause"]
        for each in [*clauses, *(member for member in members if member.type == "use_declaration")]:
            for name in each.named_children:
                if name.type in {"name", "qualified_name"}:
                    text = self._source.text(name)
                    yield simple_of(self._aliases.get(text, text))

    def _cases(self, suite: str, members: list[Node], around: list[Status]) -> Iterator[Found]:
        comment = ""
        for node in members:
            if node.type == "method_declaration" and self._is_test(node, comment):
                name = node.child_by_field_name("name")
                own = self._status(node)
                line = line_of(name or node)
                yield Found(joined((suite,), self._source.text(name)), line, strongest(*around, *own))
            comment = self._source.text(node) if node.type == "comment" else ""

    def _is_test(self, method: Node, comment: str) -> bool:
        words = {self._source.text(each) for each in method.children if each.type.endswith("_modifier")}
        if words & {"private", "protected", "abstract"}:
            return False
        name = self._source.text(method.child_by_field_name("name"))
        return name.lower().startswith("test") or bool(_MARK.search(comment)) or self._is_marked(method)

    def _is_marked(self, method: Node) -> bool:
        attributes = method.child_by_field_name("attributes")
        for group in attributes.named_children if attributes else ():
            for attribute in group.named_children:
                if simple_of(self._source.text(next(iter(attribute.named_children), None))) == "Test":
                    return True
        return False

    def _set_up(self, node: Node) -> Status | None:
        """The status that a class's `setUp` gives each of its tests."""
        name = (
            self._source.text(node.child_by_field_name("name")) if node.type == "method_declaration" else ""
        )
        return next(iter(self._status(node)), None) if name in {"setUp", "setUpBeforeClass"} else None

    def _status(self, method: Node) -> list[Status]:
        first = self._source.text(next(uncommented(method.child_by_field_name("body")), None))
        return [status for pattern, status in _SKIPPING if pattern.match(first)]
