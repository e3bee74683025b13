"""How the frameworks spell tests, suites and their statuses: `it.skip.each(table)("adds", …)`, `xdescribe`, `test.fixme`."""

from typing import NamedTuple

from tree_sitter import Node

from src.inventory.document import Status
from src.inventory.syntax.facts import strongest
from src.inventory.syntax.parsing import Source

#: Modules that name the framework of a file that imports them.
FRAMEWORKS = {
    "vitest": "vitest",
    "vite-plus/test": "vitest",
    "@jest/globals": "jest",
    "node:test": "node:test",
    "@playwright/test": "playwright",
    "playwright/test": "playwright",
    "@playwright/experimental-ct-react": "playwright",
    "@playwright/experimental-ct-vue": "playwright",
    "@playwright/experimental-ct-svelte": "playwright",
    "mocha": "mocha",
    "cypress": "cypress",
    "ava": "ava",
    "bun:test": "bun",
    "jasmine": "jasmine",
    "qunit": "qunit",
    "tap": "tap",
    "tape": "tape",
    "uvu": "uvu",
}


class Spelling(NamedTuple):
    """What a name stands for."""

    is_suite: bool
    status: Status = "active"


#: The globals of Jest, Vitest, Mocha, Jasmine and Cypress.
NAMES = {
    "it": Spelling(is_suite=False),
    "test": Spelling(is_suite=False),
    "specify": Spelling(is_suite=False),
    "describe": Spelling(is_suite=True),
    "context": Spelling(is_suite=True),
    "suite": Spelling(is_suite=True),
    "fit": Spelling(is_suite=False, status="focused"),
    "xit": Spelling(is_suite=False, status="skipped"),
    "xtest": Spelling(is_suite=False, status="skipped"),
    "xspecify": Spelling(is_suite=False, status="skipped"),
    "fdescribe": Spelling(is_suite=True, status="focused"),
    "fcontext": Spelling(is_suite=True, status="focused"),
    "xdescribe": Spelling(is_suite=True, status="skipped"),
    "xcontext": Spelling(is_suite=True, status="skipped"),
    "QUnit": Spelling(is_suite=False),
}

#: What follows a dot and leaves a test a test.
_MODIFIERS: dict[str, Status] = {
    "only": "focused",
    "skip": "skipped",
    "skipIf": "skipped",
    "runIf": "skipped",
    "fixme": "skipped",
    "todo": "todo",
    "fail": "xfail",
    "fails": "xfail",
    "failing": "xfail",
    "concurrent": "active",
    "sequential": "active",
    "serial": "active",
    "parallel": "active",
    "shuffle": "active",
    "each": "active",
    "for": "active",
    "slow": "active",
    "extend": "active",
    "override": "active",
    "scoped": "active",
    "cb": "active",
}
_KINDS = {"describe": True, "suite": True, "module": True, "test": False, "it": False}
#: Called with a table or a condition, they give what is called with the title.
_MAKERS = frozenset({"each", "for", "skipIf", "runIf", "extend", "override", "scoped"})
_LONGEST_CHAIN = 12
#: Objects whose properties are the functions.
_NAMESPACES = frozenset({"vitest", "mocha", "globalThis", "window", "global", "self"})


class Chain(NamedTuple):
    """A callee such as `it.skip.each(table)`: its first name, and what follows the dots."""

    first: str
    rest: tuple[str, ...]
    is_made: bool
    """Whether its last part has been called already."""


def chain(source: Source, node: Node | None) -> Chain | None:
    """The chain that an expression is; None for any other expression."""
    rest: list[str] = []
    is_made = False
    for _ in range(_LONGEST_CHAIN):
        if node is None:
            return None
        if node.type in {"identifier", "this"}:
            return Chain(source.text(node), tuple(reversed(rest)), is_made)
        if node.type == "member_expression":
            rest.append(source.text(node.child_by_field_name("property")))
            node = node.child_by_field_name("object")
        elif node.type == "call_expression":
            is_made = is_made or not rest
            node = node.child_by_field_name("function")
        elif node.type in {"parenthesized_expression", "instantiation_expression", "non_null_expression"}:
            node = node.named_child(0) if node.named_child_count else None
        else:
            return None
    return None


def spelled(found: Chain | None, names: dict[str, Spelling]) -> Spelling | None:
    """What a chain stands for; None for what neither makes a test nor a suite."""
    if found is None:
        return None
    start = names.get(found.first)
    rest = found.rest
    if start is None and found.first in _NAMESPACES and rest:
        start, rest = names.get(rest[0], NAMES.get(rest[0])), rest[1:]
    if start is None:
        return None
    is_suite, statuses = start.is_suite, [start.status]
    for each in rest:
        if each in _KINDS:
            is_suite = _KINDS[each]
        elif each in _MODIFIERS:
            statuses.append(_MODIFIERS[each])
        else:
            return None
    return Spelling(is_suite, strongest(*statuses))


def needs_call(found: Chain) -> bool:
    """Whether a chain's call with a table or a condition only makes what is then called with a title."""
    return bool(found.rest) and found.rest[-1] in _MAKERS and not found.is_made
