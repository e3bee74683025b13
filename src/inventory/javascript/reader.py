"""The tests of one file, read from its syntax tree."""

from typing import NamedTuple

from tree_sitter import Node

from src.inventory.document import Status
from src.inventory.javascript.spelling import FRAMEWORKS, NAMES, Chain, Spelling, chain, needs_call, spelled
from src.inventory.syntax.facts import FileFacts, Found, joined, strongest
from src.inventory.syntax.parsing import Grammar, Source, line_of, parse, uncommented

#: Only their insides can hold a test.
_HOLDERS = frozenset(
    {
        "program", "statement_block", "expression_statement", "if_statement", "else_clause", "for_statement",
        "for_in_statement", "while_statement", "do_statement", "try_statement", "catch_clause", "finally_clause",
        "switch_statement", "switch_body", "switch_case", "switch_default", "labeled_statement", "return_statement",
        "export_statement", "function_declaration", "function_expression", "generator_function_declaration", "generator_function",
        "arrow_function", "lexical_declaration", "variable_declaration", "variable_declarator", "parenthesized_expression",
        "await_expression", "assignment_expression", "ternary_expression", "binary_expression", "sequence_expression",
        "arguments", "array", "object", "pair", "method_definition", "class_declaration", "class_body", "ERROR", "unary_expression",
        "internal_module", "spread_element",
    }
)  # fmt: skip
_FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function"})
_TITLES = frozenset({"string", "template_string"})
#: Their tests make tests: `t.test("inner", …)`.
_WITH_INNER_TESTS = frozenset({"node:test", "tap", "tape"})
_HOOKS = frozenset(
    {
        "before",
        "after",
        "beforeEach",
        "afterEach",
        "beforeAll",
        "afterAll",
        "setup",
        "teardown",
        "require",
        "expect",
    }
)
_OPTIONS: dict[str, Status] = {"skip": "skipped", "todo": "todo", "only": "focused", "fails": "xfail"}
#: In a test's first statement, or directly in a suite.
_CALLED: dict[str, Status] = {
    "skip": "skipped",
    "fixme": "skipped",
    "fail": "xfail",
    "todo": "todo",
    "pending": "skipped",
}
_HINTS = {
    "cy": "cypress",
    "Cypress": "cypress",
    "jest": "jest",
    "vi": "vitest",
    "QUnit": "qunit",
    "jasmine": "jasmine",
}
_MOST_IMPORTS = 200


class ModuleFacts(NamedTuple):
    """What a file says of itself."""

    file: FileFacts
    """Its tests; the framework is that of its imports, or empty."""
    hint: str
    """A framework whose globals it uses, or empty."""
    imports: tuple[str, ...]
    """Relative imports."""


class _Place(NamedTuple):
    """Where in a file a node stands."""

    suites: tuple[str, ...] = ()
    status: Status = "active"
    runner: str = ""
    """The parameter by which a test's function makes tests within it."""


def read(path: str, content: bytes) -> ModuleFacts | None:
    """The facts of a file; None if it holds no tests and imports nothing. Raises SourceUnreadable."""
    reader = _Reader(parse(_grammar(path), content))
    reader.read()
    facts = reader.facts()
    return facts if facts.file.cases or facts.file.first_error or facts.imports else None


def _grammar(path: str) -> Grammar:
    if path.endswith((".ts", ".mts", ".cts")):
        return "typescript"
    return "tsx" if path.endswith(".tsx") else "javascript"


class _Reader:
    """One walk over the statements of a file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names = dict(NAMES)
        self._suites = 0
        self._cases: list[Found] = []
        self._frameworks: list[str] = []
        self._hint = ""
        self._imports: dict[str, None] = {}
        self._pending: list[tuple[Node, _Place]] = []

    def facts(self) -> ModuleFacts:
        framework = self._frameworks[0] if self._frameworks else ""
        file = FileFacts(framework, self._suites, tuple(self._cases), self._source.first_error)
        return ModuleFacts(file, self._hint, tuple(self._imports)[:_MOST_IMPORTS])

    def read(self) -> None:
        """Go through the file in the order of its lines."""
        root = self._source.root
        self._pending = [(root, _Place(status=self._status_within(root)))]
        while self._pending:
            node, place = self._pending.pop()
            if node.type == "call_expression":
                self._call(node, place)
            elif node.type == "import_statement":
                self._import(node)
            elif node.type in _HOLDERS:
                self._enter(node, place)

    def _enter(self, node: Node, place: _Place) -> None:
        if node.type == "variable_declarator":
            self._declare(node)
        elif node.type == "export_statement":
            self._note_module(self._string(node.child_by_field_name("source")))
        self._push(node, place)

    def _push(self, node: Node | None, place: _Place) -> None:
        if node:
            self._pending.extend((child, place) for child in reversed(node.named_children))

    # Imports and names

    def _import(self, node: Node) -> None:
        module = self._string(node.child_by_field_name("source"))
        self._note_module(module)
        if framework := FRAMEWORKS.get(module):
            for clause in node.named_children:
                if clause.type == "import_clause":
                    self._bind(clause, framework)

    def _bind(self, clause: Node, framework: str) -> None:
        """What a framework's import names: `import test, { it as check } from …`."""
        for each in clause.named_children:
            if each.type == "identifier":
                self._names[self._source.text(each)] = Spelling(is_suite=False)
            elif each.type == "namespace_import" and framework != "tap":
                self._namespace(each)
            elif each.type == "named_imports":
                for one in each.named_children:
                    self._alias(one.child_by_field_name("name"), one.child_by_field_name("alias"))

    def _namespace(self, node: Node) -> None:
        name = self._source.text(node.named_child(0)) if node.named_child_count else ""
        self._names[name] = Spelling(is_suite=False)

    def _alias(self, name: Node | None, alias: Node | None) -> None:
        spelling = NAMES.get(self._source.text(name))
        if spelling and alias:
            self._names[self._source.text(alias)] = spelling

    def _note_module(self, module: str) -> None:
        if module in FRAMEWORKS:
            self._frameworks.append(FRAMEWORKS[module])
        elif module.startswith("."):
            self._imports[module] = None

    def _declare(self, node: Node) -> None:
        """`const test = base.extend(…)`, `const { it } = require("node:test")`, `const maybe = ok ? it : it.skip`."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return
        required = self._required(value)
        if required in FRAMEWORKS and name.type == "object_pattern":
            for each in name.named_children:
                if each.type == "pair_pattern":
                    self._alias(each.child_by_field_name("key"), each.child_by_field_name("value"))
        elif required in FRAMEWORKS:
            self._names[self._source.text(name)] = Spelling(is_suite=False)
        elif name.type == "identifier" and (spelling := self._value(value)):
            self._names[self._source.text(name)] = spelling

    def _value(self, value: Node) -> Spelling | None:
        if value.type == "ternary_expression":
            either = [self._value(each) for each in value.named_children[1:]]
            known = [each for each in either if each]
            return known[0]._replace(status=strongest(*(each.status for each in known))) if known else None
        if value.type in {"identifier", "member_expression"}:
            return spelled(chain(self._source, value), self._names)
        found = chain(self._source, value) if value.type == "call_expression" else None
        return spelled(found, self._names) if found and "extend" in found.rest else None

    def _required(self, value: Node) -> str:
        """The module of `require("module")`."""
        while value.type == "member_expression" and (inner := value.child_by_field_name("object")):
            value = inner
        if value.type != "call_expression":
            return ""
        if self._source.text(value.child_by_field_name("function")) != "require":
            return ""
        arguments = _arguments(value)
        return self._string(arguments[0]) if arguments else ""

    # Tests and suites

    def _call(self, node: Node, place: _Place) -> None:
        found = chain(self._source, node.child_by_field_name("function"))
        if found is None:
            self._push(node, place)
            return
        if not self._hint:
            self._hint = _HINTS.get(found.first, "")
        spelling, arguments = self._spelling(found, place), _arguments(node)
        if spelling:
            if (
                not needs_call(found)
                and not self._is_mark(found, arguments)
                and self._is_made(spelling, arguments)
            ):
                self._make(node, arguments, spelling, place)
        elif found.first == "require":
            self._note_module(self._string(arguments[0]) if arguments else "")
        elif found.first not in _HOOKS or found.rest:
            self._inside(node, place)

    def _spelling(self, found: Chain, place: _Place) -> Spelling | None:
        if not place.runner:
            return spelled(found, self._names)
        if found.first == place.runner and found.rest[:1] in {("test",), ("it",)}:
            return spelled(Chain("test", found.rest[1:], found.is_made), NAMES)
        return None

    def _is_made(self, spelling: Spelling, arguments: list[Node]) -> bool:
        """Whether the arguments are those of a test or suite: a title alone, or a function with or without one."""
        if not arguments:
            return False
        is_alone = len(arguments) == 1 and arguments[0].type not in _TITLES
        return not is_alone or (not spelling.is_suite and "node:test" in self._frameworks)

    def _inside(self, node: Node, place: _Place) -> None:
        """`[1, 2].forEach((n) => { it(…) })`, `(() => { it(…) })()`."""
        self._push(node.child_by_field_name("arguments"), place)
        callee = node.child_by_field_name("function")
        if callee and callee.type == "parenthesized_expression":
            self._pending.append((callee, place))

    def _make(self, node: Node, arguments: list[Node], spelling: Spelling, place: _Place) -> None:
        function = next((each for each in reversed(arguments) if each.type in _FUNCTIONS), None)
        name = self._title(arguments[0], function)
        status = strongest(place.status, spelling.status, self._options(arguments))
        if spelling.is_suite:
            self._suites += 1
            self._suite(function or arguments[-1], _Place((*place.suites, name), status))
            return
        if len(arguments) == 1 and arguments[0].type in _TITLES:
            status = strongest(status, "todo")
        body = function.child_by_field_name("body") if function else None
        runner = self._parameter(function) if function else ""
        status = strongest(status, self._first_statement(body, runner))
        self._cases.append(Found(joined(place.suites, name), line_of(node), status))
        if runner and _WITH_INNER_TESTS.intersection(self._frameworks):
            self._push(body, _Place((*place.suites, name), place.status, runner))

    def _suite(self, function: Node, place: _Place) -> None:
        body = function.child_by_field_name("body") if function.type in _FUNCTIONS else function
        if body:
            inside = place._replace(status=strongest(place.status, self._status_within(body)))
            self._pending.append((body, inside))

    def _title(self, title: Node, function: Node | None) -> str:
        if title.type in _TITLES:
            return self._source.text(title)[1:-1]
        if title == function:
            return self._source.text(title.child_by_field_name("name")) or "<anonymous>"
        return self._source.text(title)

    def _options(self, arguments: list[Node]) -> Status:
        """`test("adds", { skip: true }, …)`."""
        options = next((each for each in arguments[:3] if each.type == "object"), None)
        if options is None:
            return "active"
        found = [
            _OPTIONS[key]
            for pair in options.named_children
            if pair.type == "pair" and (key := self._key(pair)) in _OPTIONS and self._is_on(pair)
        ]
        return strongest(*found)

    def _key(self, pair: Node) -> str:
        return self._source.text(pair.child_by_field_name("key")).strip("'\"")

    def _is_on(self, pair: Node) -> bool:
        return self._source.text(pair.child_by_field_name("value")) not in {
            "false",
            "undefined",
            "null",
            "''",
            '""',
        }

    def _first_statement(self, body: Node | None, parameter: str) -> Status:
        """`t.skip()`, `this.skip()`, `test.fixme(condition)` first of all."""
        if body is None or body.type != "statement_block":
            return "active"
        first = next(uncommented(body), None)
        return self._marked(first, {"this", "skip", "pending", parameter}) if first else "active"

    def _status_within(self, body: Node) -> Status:
        """What marks directly within a suite or file say of all its tests: `test.skip(condition, "why")`."""
        if body.type not in {"statement_block", "program"}:
            return "active"
        return strongest(*(self._marked(each, set()) for each in body.named_children))

    def _marked(self, statement: Node, objects: set[str]) -> Status:
        """The status that a statement gives the tests around it."""
        call = statement
        while (
            call.type in {"expression_statement", "await_expression", "return_statement"}
            and call.named_child_count
        ):
            call = call.named_children[0]
        if call.type != "call_expression":
            return "active"
        found = chain(self._source, call.child_by_field_name("function"))
        if found is None or (found.first not in objects and found.first not in self._names):
            return "active"
        return _CALLED[_last(found)] if self._is_mark(found, _arguments(call)) else "active"

    def _is_mark(self, found: Chain, arguments: list[Node]) -> bool:
        """Whether a call such as `test.skip(condition, "why")` marks the tests around it, and makes none."""
        if _last(found) not in _CALLED or found.is_made:
            return False
        if found.first not in self._names:
            return True
        if len(arguments) == 1:
            return arguments[0].type not in _TITLES
        return not arguments or arguments[-1].type in _TITLES

    def _parameter(self, function: Node) -> str:
        """The first parameter of a test's function."""
        first = function.child_by_field_name("parameter")
        parameters = function.child_by_field_name("parameters")
        if first is None and parameters and parameters.named_children:
            first = parameters.named_children[0]
            first = first.child_by_field_name("pattern") or first
        return self._source.text(first) if first and first.type == "identifier" else ""

    def _string(self, node: Node | None) -> str:
        return self._source.text(node)[1:-1] if node and node.type in _TITLES else ""


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.type != "arguments":
        return []
    return list(uncommented(arguments))


def _last(found: Chain) -> str:
    return found.rest[-1] if found.rest else found.first
