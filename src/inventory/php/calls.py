"""Pest's tests: calls of `test`, `it`, `todo`, `arch` and `describe`, and those chained to them."""

from collections.abc import Iterator

from tree_sitter import Node

from src.inventory.document import Status
from src.inventory.syntax.facts import Found, joined, strongest
from src.inventory.syntax.parsing import Source, line_of

_TESTS = {"test", "it", "todo", "arch"}
_FUNCTIONS = {"anonymous_function", "arrow_function"}
_CHAINED = {"member_call_expression", "member_access_expression", "nullsafe_member_call_expression"}
#: Statements that hold statements.
_BLOCKS = {
    "program",
    "compound_statement",
    "namespace_definition",
    "if_statement",
    "else_clause",
    "else_if_clause",
    "for_statement",
    "foreach_statement",
    "while_statement",
    "try_statement",
    "colon_block",
}
_STATUSES: dict[str, Status] = {
    "todo": "todo",
    "only": "focused",
    "fails": "xfail",
}


class Calls:
    """The tests that a file's statements declare. `is_named` says that an import names Pest."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.cases: list[Found] = []
        self.suites = 0
        self.is_named = False

    def read(self, block: Node, suites: tuple[str, ...], around: tuple[Status, ...] = ()) -> None:
        """Add what the statements of a block declare."""
        around = (*around, *self._before_each(block))
        for node in block.named_children:
            if node.type == "expression_statement":
                self._read(node, suites, around)
            elif node.type in _BLOCKS:
                self.read(node, suites, around)
            elif self._source.text(node).startswith("use function Pest\\"):
                self.is_named = True

    def _read(self, statement: Node, suites: tuple[str, ...], around: tuple[Status, ...]) -> None:
        chain = self._chain(statement)
        if not chain:
            return
        word, call = chain[-1]
        arguments = _arguments(call)
        statuses = (*around, *self._statuses(chain))
        if word == "describe" and len(arguments) > 1:
            self.suites += 1
            if body := _body(arguments[1]):
                self.read(body, (*suites, self._text(arguments[0])), statuses)
        elif word in _TESTS and (arguments or len(chain) > 1):
            self._add(chain, suites, statuses)

    def _before_each(self, block: Node) -> Iterator[Status]:
        """The statuses that `beforeEach()->skip()` and its like give each test of a block."""
        for node in block.named_children:
            chain = self._chain(node) if node.type == "expression_statement" else []
            if chain and chain[-1][0] == "beforeEach":
                yield from self._statuses(chain)

    def _add(
        self, chain: list[tuple[str, Node]], suites: tuple[str, ...], statuses: tuple[Status, ...]
    ) -> None:
        word, call = chain[-1]
        arguments = _arguments(call)
        name = self._text(arguments[0]) if arguments else "->".join(each for each, _ in reversed(chain))
        told = f"it {name}" if word == "it" else name
        # A test without a body and without anything chained to it is yet to be written.
        is_empty = word == "todo" or (len(arguments) == 1 and len(chain) == 1)
        own: list[Status] = ["todo"] if is_empty else []
        self.cases.append(Found(joined(suites, told), line_of(call), strongest(*statuses, *own)))

    def _statuses(self, chain: list[tuple[str, Node]]) -> Iterator[Status]:
        for name, call in chain[:-1]:
            first = self._source.text(next(iter(_arguments(call)), None))
            status = "skipped" if name.startswith("skip") else _STATUSES.get(name)
            if status and first != "false":
                yield status

    def _chain(self, statement: Node) -> list[tuple[str, Node]]:
        """A statement's calls that are chained to a function's, with their names, the last one first."""
        found = []
        node = next(iter(statement.named_children), None)
        while node and node.type in _CHAINED:
            found.append((self._source.text(node.child_by_field_name("name")), node))
            node = node.child_by_field_name("object")
        if node is None or node.type != "function_call_expression":
            return []
        return [*found, (self._source.text(node.child_by_field_name("function")).removeprefix("\\"), node)]

    def _text(self, node: Node) -> str:
        text = self._source.text(node)
        return text[1:-1] if node.type in {"string", "encapsed_string"} else text


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    found = [each for each in arguments.named_children if each.type == "argument"] if arguments else []
    return [each.named_children[-1] for each in found if each.named_children]


def _body(function: Node) -> Node | None:
    return function.child_by_field_name("body") if function.type in _FUNCTIONS else None
