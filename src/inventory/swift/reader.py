"""The types and tests of one Swift file."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from src.inventory.classes.facts import Class, ClassFacts
from src.inventory.document import Status
from src.inventory.swift.attributes import Attribute, simple_of, statuses
from src.inventory.syntax.facts import Found, joined, strongest
from src.inventory.syntax.parsing import Source, line_of

_BODIES = {"class_body", "enum_class_body", "ERROR"}
_HIDDEN = {"private", "fileprivate", "static", "class"}
_NEVER = re.compile(r"#if\s+(false|0)\b")
#: A first statement that ends the test as skipped, or says that the test fails.
_FIRST: tuple[tuple[re.Pattern[str], Status], ...] = (
    (
        re.compile(r"throw XCTSkip|(try )?Test\.cancel\(|try XCTSkipIf\(\s*true|try XCTSkipUnless\(\s*false"),
        "skipped",
    ),
    (re.compile(r"XCTExpectFailure\b[^{]*$"), "xfail"),
)
_WHOLLY_KNOWN = re.compile(r"(try |await |return )*withKnownIssue\b")


def read(source: Source) -> ClassFacts:
    """The facts of a file."""
    reader = _Reader(source)
    classes = tuple(reader.types(source.root, _Around()))
    cases = (*reader.of_swift_testing(source.root, _Around()), *reader.extended)
    is_xctest = not cases and not any(each.is_marked and (each.cases or each.suites) for each in classes)
    return ClassFacts(
        framework="xctest" if is_xctest else "swift-testing",
        classes=classes,
        cases=cases,
        first_error=source.first_error,
    )


class _Around(NamedTuple):
    """The types around a function or a type."""

    names: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self.extended: list[Found] = []
        """The tests of Swift Testing in extensions: their types may lie in any file."""

    def types(self, body: Node, around: _Around) -> Iterator[Class]:
        """Each type in there, and those inside it."""
        for node in self._members(body):
            if node.type == "class_declaration":
                own = self._attributes(node)
                inside = _Around((*around.names, self._name(node)), (*around.attributes, *own))
                yield self._type(node, inside, own)
                yield from self.types(node, inside)

    def _type(self, node: Node, around: _Around, own: tuple[Attribute, ...]) -> Class:
        kind = self._source.text(node.child_by_field_name("declaration_kind"))
        found = Class(
            "::".join(around.names),
            tuple(self._bases(node)),
            line=line_of(node.child_by_field_name("name") or node),
        )
        cases = tuple(self.of_swift_testing(node, around))
        if kind == "extension":
            self.extended += cases
        elif cases or any(each.name == "Suite" for each in own):
            # A suite that only holds suites is one too.
            return found._replace(cases=cases, suites=0 if cases else 1)
        return found._replace(
            cases=tuple(self._of_xctest(node, around)),
            # Of all types, only classes can derive XCTest's.
            is_abstract=kind != "class",
            is_marked=False,
        )

    def of_swift_testing(self, body: Node, around: _Around) -> Iterator[Found]:
        """The functions in there that are marked `@Test`."""
        for node in self._functions(body):
            attributes = self._attributes(node)
            if any(each.name == "Test" for each in attributes):
                yield self._found(node, around, statuses((*around.attributes, *attributes)))

    def _of_xctest(self, body: Node, around: _Around) -> Iterator[Found]:
        """Methods named `test…` without parameters and result."""
        functions = list(self._functions(body))
        of_set_up = [status for each in functions if self._is_set_up(each) for status in self._said(each)]
        for node in functions:
            is_visible = not self._words(node) & _HIDDEN and not _is_taking(node) and not self._result(node)
            if self._name(node).startswith("test") and is_visible:
                yield self._found(node, around, of_set_up)

    def _found(self, node: Node, around: _Around, given: list[Status]) -> Found:
        name = node.child_by_field_name("name")
        status = strongest(*given, *self._said(node))
        return Found(joined(around.names, self._name(node)), line_of(name or node), status)

    def _said(self, node: Node) -> list[Status]:
        """What a function's first statement says, or the only one."""
        body = node.child_by_field_name("body")
        block = next(
            (each for each in (body.named_children if body else ()) if each.type == "statements"), None
        )
        statements = [each for each in (block.named_children if block else ()) if not each.is_extra]
        if not statements:
            return []
        first = self._source.text(statements[0])
        known: list[Status] = ["xfail"] if len(statements) == 1 and _WHOLLY_KNOWN.match(first) else []
        return known + [status for pattern, status in _FIRST if pattern.match(first)]

    def _is_set_up(self, node: Node) -> bool:
        return self._name(node) in {"setUp", "setUpWithError"} and not self._words(node) & _HIDDEN

    def _result(self, node: Node) -> bool:
        """Whether a function returns something."""
        kinds = [each.type for each in node.children]
        if "->" not in kinds:
            return False
        result = self._source.compact(node.children[kinds.index("->") + 1])
        return result not in {"Void", "()"}

    def _functions(self, body: Node) -> Iterator[Node]:
        return (each for each in self._members(body) if each.type == "function_declaration")

    def _members(self, node: Node) -> Iterator[Node]:
        """What a file or a type declares, but for what `#if false` leaves out."""
        never = 0
        for each in node.named_children:
            if each.type == "directive":
                never = self._never(each, never)
            elif each.type in _BODIES and not never:
                yield from self._members(each)
            elif not each.is_extra and not never:
                yield each

    def _never(self, directive: Node, never: int) -> int:
        """How many conditions around what follows never hold, or stand inside such a condition."""
        text = self._source.text(directive)
        if text.startswith("#if"):
            return never + 1 if never or _NEVER.match(text) else 0
        if text.startswith("#endif"):
            return max(never - 1, 0)
        return 0 if never == 1 else never

    def _bases(self, node: Node) -> Iterator[str]:
        for each in node.named_children:
            if each.type == "inheritance_specifier":
                yield simple_of(self._source.text(each))

    def _attributes(self, node: Node) -> tuple[Attribute, ...]:
        return tuple(
            Attribute(
                simple_of(self._source.text(each.named_children[0])),
                self._source.compact(each).partition("(")[2],
            )
            for modifiers in node.named_children
            if modifiers.type == "modifiers"
            for each in modifiers.named_children
            if each.type == "attribute" and each.named_children
        )

    def _words(self, node: Node) -> set[str]:
        modifiers = (each for each in node.named_children if each.type == "modifiers")
        words = {self._source.text(word) for each in modifiers for word in each.named_children}
        return words | {each.type for each in node.children if not each.is_named}

    def _name(self, node: Node) -> str:
        name = node.child_by_field_name("name")
        text = self._source.text(name)
        return text.strip("`") if text.startswith("`") else simple_of(text)


def _is_taking(node: Node) -> bool:
    """Whether a function has parameters."""
    return any(each.type == "parameter" for each in node.named_children)
