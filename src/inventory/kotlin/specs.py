"""Kotest's tests: calls in the body of a spec."""

import re
from typing import NamedTuple

from tree_sitter import Node

from src.inventory.document import Status
from src.inventory.kotlin.styles import DATA, Style, of_name, of_word
from src.inventory.syntax.facts import Found, joined, strongest
from src.inventory.syntax.parsing import Source, line_of

_STRINGS = {"string_literal", "multiline_string_literal", "parenthesized_expression"}
#: What is declared inside runs elsewhere, or not at all.
_CLOSED = {
    "class_declaration",
    "object_declaration",
    "object_literal",
    "companion_object",
    "function_declaration",
}
_DISABLED = re.compile(r"\benabled(If)?=\{?false\b")


class Call(NamedTuple):
    """`word("name").config(arguments) { body }`; without a word, `"name" { body }`."""

    word: str
    name: str
    body: Node
    is_disabled: bool = False


class Spec:
    """The tests that the calls of one spec declare."""

    def __init__(self, source: Source, style: Style) -> None:
        self._source = source
        self._style = style
        self.cases: list[Found] = []
        self.suites = 0

    def read(self, body: Node, suites: tuple[str, ...], status: Status = "active") -> None:
        """Add what the calls in a body declare, those in loops and in others' lambdas too."""
        pending = [body]
        while pending:
            node = pending.pop()
            if not self._declare(node, suites, status) and node.type not in _CLOSED:
                pending += reversed(node.named_children)

    def _declare(self, node: Node, suites: tuple[str, ...], around: Status) -> bool:
        """Add the test or the suite that a node is; False if it is neither."""
        call = call_of(self._source, node)
        if call is None:
            return False
        name, by_name = of_name(call.name)
        status = strongest(around, by_name, "skipped" if call.is_disabled else "active")
        if own := self._of_suite(call):
            self.suites += 1
            self.read(call.body, (*suites, name), strongest(status, own))
        elif own := self._of_test(call):
            self.cases.append(Found(joined(suites, name), line_of(node), strongest(status, own)))
        elif DATA.fullmatch(call.word):
            self._read_data(node, call, suites, status)
        else:
            return False
        return True

    def _read_data(self, node: Node, call: Call, suites: tuple[str, ...], status: Status) -> None:
        """A test for each value counts once; if it holds tests itself, they count."""
        before = len(self.cases)
        self.read(call.body, (*suites, call.word), status)
        if len(self.cases) > before:
            self.suites += 1
        else:
            self.cases.append(Found(joined(suites, call.word), line_of(node), status))

    def _of_suite(self, call: Call) -> Status | None:
        if call.word.startswith("infix "):
            return of_word(call.word.removeprefix("infix "), self._style.infixes)
        return of_word(call.word, self._style.suites)

    def _of_test(self, call: Call) -> Status | None:
        if not call.word:
            return "active" if self._style.has_strings else None
        return of_word(call.word, self._style.tests)


def call_of(source: Source, node: Node) -> Call | None:
    """A node as a call that is given a body; None if it is none."""
    children = node.named_children
    if len(children) < 2:
        return None
    if node.type == "call_expression":
        body = lambda_of(children[-1])
        return _call(source, children[0], body) if body else _call(source, node, _argument(children[-1]))
    if node.type == "infix_expression":
        return _infix(source, children, source.text(children[1]))
    return _infix(source, children, "-") if node.type == "binary_expression" and _is_minus(node) else None


def lambda_of(node: Node | None) -> Node | None:
    """The lambda that an argument or the end of a call is."""
    while node and node.type in {"annotated_lambda", "value_argument"} and node.named_children:
        node = node.named_children[-1]
    return node if node and node.type == "lambda_literal" else None


def _call(source: Source, head: Node, body: Node | None) -> Call | None:
    head, is_disabled = _without_config(source, head)
    if body and head.type in _STRINGS:
        return Call("", _plain(source, head), body, is_disabled)
    if body is None or head.type != "call_expression" or not head.named_children:
        return None
    called = head.named_children[0]
    if called.type == "navigation_expression":
        called = called.named_children[-1]
    word = source.text(called).strip("`") if called.type == "identifier" else ""
    return Call(word, _first_argument(source, head), body, is_disabled) if word else None


def _infix(source: Source, children: list[Node], word: str) -> Call | None:
    body = lambda_of(children[-1])
    head, is_disabled = _without_config(source, children[0])
    return Call(f"infix {word.strip('`')}", _plain(source, head), body, is_disabled) if body else None


def _without_config(source: Source, head: Node) -> tuple[Node, bool]:
    """What `.config(…)` or `.config` is called on, and whether it disables the test."""
    children = head.named_children
    called = children[0] if head.type == "call_expression" and children else head
    parts = called.named_children
    if called.type != "navigation_expression" or len(parts) != 2 or source.text(parts[1]) != "config":
        return head, False
    arguments = "" if called == head else source.compact(children[-1])
    return parts[0], bool(_DISABLED.search(arguments))


def _argument(arguments: Node) -> Node | None:
    """The lambda that is a call's last argument."""
    if arguments.type != "value_arguments" or not arguments.named_children:
        return None
    return lambda_of(arguments.named_children[-1])


def _first_argument(source: Source, call: Node) -> str:
    arguments = call.named_children[-1].named_children
    values = arguments[0].named_children if arguments else []
    return _plain(source, values[-1]) if values else ""


def _is_minus(node: Node) -> bool:
    return any(each.type == "-" for each in node.children)


def _plain(source: Source, node: Node) -> str:
    """A name as it is written, without quotes."""
    return source.text(node).strip('"')
