"""The classes, groups and tests of one file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tree_sitter import Node

from src.inventory.classes.facts import Class
from src.inventory.document import Status
from src.inventory.ruby.words import (
    CLASS_TESTS,
    CLOSED,
    GROUPS,
    MATCHED,
    SHARED,
    TESTS,
    USES,
    ended,
    marked,
)
from src.inventory.syntax.facts import Found, joined, part, strongest
from src.inventory.syntax.parsing import Source, line_of, uncommented

#: Statements that hold statements.
_HOLDERS = frozenset(
    {
        *("program", "body_statement", "block_body", "begin", "begin_block", "then", "else", "elsif", "ensure", "rescue"),
        *("if", "unless", "case", "when", "while", "until", "for", "do", "parenthesized_statements"),
        *("if_modifier", "unless_modifier", "rescue_modifier", "binary", "array"),
    }
)  # fmt: skip
#: minitest asks for the underscore, test-unit does not.
_IS_TEST = re.compile(r"test.+")
_VISIBILITY = {"private": False, "protected": False, "public": True}
_OF_CLASSES = CLASS_TESTS.keys() | {"define_method"}
_STATUSES = CLASS_TESTS | TESTS
_STRINGS = frozenset({"string", "chained_string", "simple_symbol", "delimited_symbol", "bare_string"})
#: Blocks that lie deeper are not read.
_DEEPEST = 60
#: What a base that is no name is called: only running would tell.
MADE = "?"
#: How the names of shared examples begin among those of classes.
SHARED_NAME = "shared "


class Owner:
    """A class, a module, a group of shared examples, or the file itself: what tests belong to."""

    def __init__(self, name: str, line: int = 0, *, kind: str = "file") -> None:
        self.name = name
        self.line = line
        self.kind = kind
        self.bases: list[str] = []
        self.cases: list[Found] = []
        self.suites = 0
        self.is_spec = False
        """A module whose tests are calls: any group may include it."""

    def known(self) -> Class:
        """What of it other files may need."""
        return Class(
            name=self.name,
            bases=tuple(dict.fromkeys(self.bases)),
            cases=tuple(self.cases) if self.kind != "file" else (),
            suites=self.suites if self.kind != "file" else 0,
            is_abstract=self.kind in {"module", "shared"},
            is_marked=self.kind in {"file", "shared"} or self.is_spec,
            line=self.line,
        )


class _Place(NamedTuple):
    """Where a statement stands."""

    owner: Owner
    names: tuple[str, ...] = ()
    """The groups and classes around it."""
    statuses: tuple[Status, ...] = ()
    is_group: bool = False
    """Tests may stand here as calls."""
    depth: int = 0


class Reader:
    """One walk over the statements of a file, but for those in methods."""

    def __init__(self, source: Source, path: str) -> None:
        self._source = source
        self.file = Owner(path, 1)
        self.owners: list[Owner] = []

    def read(self) -> None:
        """Go through the file."""
        self._statements([self._source.root], _Place(self.file))

    def _statements(self, nodes: Sequence[Node], place: _Place) -> None:
        inner = place._replace(depth=place.depth + 1)
        is_public = True
        focus: tuple[Status, ...] = ()
        for node in nodes if place.depth < _DEEPEST else ():
            if node.type == "identifier":
                word = self._source.text(node)
                is_public = _VISIBILITY.get(word, is_public)
                focus = ("focused",) if word == "focus" else ()
                continue
            if node.type == "comment":
                continue
            statuses = (*place.statuses, *focus)
            focus = ()
            if node.type != "method":
                self._statement(node, inner._replace(statuses=statuses))
            elif is_public:
                self._method(node, place._replace(statuses=statuses))

    def _statement(self, node: Node, place: _Place) -> None:
        if node.type == "call":
            self._call(node, place)
        elif node.type in {"class", "module"}:
            self._class(node, place)
        elif node.type == "assignment":
            self._assigned(node, place)
        elif node.type in _HOLDERS:
            self._statements(node.named_children, place)

    # Classes

    def _class(self, node: Node, place: _Place) -> None:
        name = self._source.text(node.child_by_field_name("name"))
        owner = Owner("::".join((*place.names, name)), line_of(node), kind=node.type)
        base = node.child_by_field_name("superclass")
        if base and base.named_children:
            owner.bases.append(self._constant(base.named_children[0]))
        self._inside_of(owner, node.child_by_field_name("body"), place)

    def _assigned(self, node: Node, place: _Place) -> None:
        """`ThingTest = Class.new(Minitest::Test) do … end`."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "constant" or right.type != "call":
            return
        if self._word(right) == "new" and self._source.text(right.child_by_field_name("receiver")) == "Class":
            owner = Owner("::".join((*place.names, self._source.text(left))), line_of(node), kind="class")
            owner.bases += map(self._constant, self._arguments(right)[:1])
            self._inside_of(owner, _body(right), place)

    def _inside_of(self, owner: Owner, body: Node | None, place: _Place) -> None:
        self.owners.append(owner)
        names = (*place.names, owner.name.removeprefix("::".join((*place.names, ""))))
        self._enter(body, _Place(owner, names, depth=place.depth))

    def _method(self, node: Node, place: _Place) -> None:
        name = self._source.text(node.child_by_field_name("name"))
        if place.owner.kind in {"class", "module"} and _IS_TEST.fullmatch(name):
            self._add(node, name, place, *ended(self._source, node.child_by_field_name("body")))

    def _constant(self, node: Node) -> str:
        """The simple name of a class; `?` for one that a call makes."""
        if node.type not in {"constant", "scope_resolution"}:
            return MADE
        return self._source.text(node).rpartition("::")[2].strip()

    # Calls

    def _call(self, node: Node, place: _Place) -> None:
        word, arguments = self._word(node), self._arguments(node)
        receiver = self._source.text(node.child_by_field_name("receiver"))
        if word in USES:
            self._use(node, word, arguments, place)
        elif receiver not in {"", "RSpec", "::RSpec"}:
            self._inside(node, arguments, place)
        elif word in GROUPS and _body(node):
            self._group(node, word, arguments, place)
        elif word in SHARED:
            self._shared(node, arguments, place)
        elif place.is_group and word in TESTS:
            self._test(node, word, arguments, place)
        elif place.owner.kind in {"class", "module"} and word in _OF_CLASSES:
            self._of_class(node, word, arguments, place)
        elif word not in CLOSED and not word.startswith("before"):
            self._inside(node, arguments, place)

    def _of_class(self, node: Node, word: str, arguments: list[Node], place: _Place) -> None:
        if word == "define_method":
            self._defined(node, arguments, place)
        elif not arguments:
            return
        elif arguments[0].type not in _STRINGS:
            if word in MATCHED:
                self._matched(node, place)
        elif node.child_by_field_name("block") or word != "test":
            self._test(node, word, arguments, place)

    def _matched(self, node: Node, place: _Place) -> None:
        """`should validate_presence_of(:name)`."""
        self._add(node, part(self._source.text(node)), place)

    def _inside(self, node: Node, arguments: list[Node], place: _Place) -> None:
        """`[1, 2].each { |n| it "…" }`, `private def …`, `included do … end`."""
        if body := _body(node):
            self._statements([body], place)
        elif self._word(node) not in _VISIBILITY:
            self._statements([each for each in arguments if each.type == "method"], place)

    def _group(self, node: Node, word: str, arguments: list[Node], place: _Place) -> None:
        owner = self._owner(node, place)
        owner.suites += 1
        told = [each for each in arguments if each.type not in {"pair", "block_argument"}]
        name = " ".join(map(self._text, [each for each in told if each.type != "simple_symbol"] or told))
        statuses = (*place.statuses, GROUPS[word], *marked(self._source, arguments))
        self._enter(_body(node), _Place(owner, (*place.names, name), statuses, depth=place.depth))

    def _owner(self, node: Node, place: _Place) -> Owner:
        """What a group belongs to: the class around it, if that may be one of tests."""
        is_loose = place.owner.kind == "module" or (place.owner.kind == "class" and not place.owner.bases)
        return self.file if is_loose or node.child_by_field_name("receiver") else place.owner

    def _enter(self, body: Node | None, place: _Place) -> None:
        """Go through a group or a class, with what it gives each of its tests."""
        if body:
            statuses = (*place.statuses, *self._before(body))
            self._statements([body], place._replace(statuses=statuses, is_group=True))

    def _add(self, node: Node, name: str, place: _Place, *own: Status) -> None:
        """Add a test."""
        status = strongest(*place.statuses, *own)
        place.owner.cases.append(Found(joined(place.names, name), line_of(node), status))

    def _shared(self, node: Node, arguments: list[Node], place: _Place) -> None:
        name = shared_name(self._text(arguments[0])) if arguments else MADE
        owner = Owner(name, line_of(node), kind="shared")
        self.owners.append(owner)
        if len(arguments) > 1:
            # Groups with such metadata include it.
            self.file.bases.append(name)
        names = (self._text(arguments[0]) if arguments else "",)
        self._enter(_body(node), _Place(owner, names, place.statuses, depth=place.depth))

    def _use(self, node: Node, word: str, arguments: list[Node], place: _Place) -> None:
        """What `it_behaves_like` and `include` name runs, if the group or class around it does."""
        if word in {"include", "prepend"}:
            place.owner.bases += map(self._constant, arguments)
        elif arguments:
            is_named = arguments[0].type in _STRINGS | {"constant", "scope_resolution"}
            place.owner.bases.append(shared_name(self._text(arguments[0])) if is_named else MADE)
        if body := _body(node):
            self._statements([body], place)

    def _test(self, node: Node, word: str, arguments: list[Node], place: _Place) -> None:
        if arguments and arguments[0].type == "method":
            # `focus def test_one`
            self._method(arguments[0], place._replace(statuses=(*place.statuses, TESTS[word])))
            return
        body = _body(node)
        has_block = node.child_by_field_name("block") or any(
            each.type == "block_argument" for each in arguments
        )
        statuses = [_STATUSES.get(word, "active"), *marked(self._source, arguments[1:])]
        if has_block:
            statuses += ended(self._source, body)
        else:
            statuses.append("todo")
        name = self._text(arguments[0]) if arguments else part(self._source.text(node))
        self._add(node, name, place, *statuses)
        place.owner.is_spec = place.owner.is_spec or (place.owner.kind == "module" and word in TESTS)

    def _defined(self, node: Node, arguments: list[Node], place: _Place) -> None:
        """`define_method("test_#{name}") { … }`."""
        name = self._text(arguments[0]) if arguments else ""
        if name.startswith("test_"):
            self._add(node, name, place, *ended(self._source, _body(node)))

    def _before(self, body: Node) -> tuple[Status, ...]:
        """The statuses that `before { skip }` and `def setup` give each test of a group or class."""
        found: list[Status] = []
        for node in body.named_children:
            if node.type == "call" and self._word(node) in {"before", "setup"}:
                found += ended(self._source, _body(node))
            elif node.type == "method" and self._source.text(node.child_by_field_name("name")) == "setup":
                found += ended(self._source, node.child_by_field_name("body"))
        return tuple(found)

    def _word(self, call: Node) -> str:
        return self._source.text(call.child_by_field_name("method"))

    def _arguments(self, call: Node) -> list[Node]:
        return list(uncommented(call.child_by_field_name("arguments")))

    def _text(self, node: Node) -> str:
        text = self._source.text(node)
        if node.type == "simple_symbol":
            return text[1:]
        return text[1:-1] if node.type in _STRINGS else text


def shared_name(name: str) -> str:
    """What shared examples are called among the classes: like none of those."""
    return f"{SHARED_NAME}{name.replace('::', ':')}"


def _body(call: Node) -> Node | None:
    block = call.child_by_field_name("block")
    return block.child_by_field_name("body") if block else None
