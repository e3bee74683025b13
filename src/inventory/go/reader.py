"""The tests of one file, read from its syntax tree."""

import re
from typing import NamedTuple

from tree_sitter import Node

from src.inventory.document import Status
from src.inventory.syntax.facts import FileFacts, Found
from src.inventory.syntax.parsing import Source, line_of, parse, uncommented

#: `TestA`, `Test_a` and `Test`, but not `Testify`.
_KIND = re.compile(r"(Test|Fuzz|Example)(?![a-z])")
_PARAMETERS = {"Test": ("T",), "Fuzz": ("F",)}
_OUTPUT = re.compile(r"(?mi)^\s*(?://|/\*)\s*(?:unordered\s+)?output:")
_SKIPS = frozenset({"Skip", "Skipf", "SkipNow"})
#: `suite.Run(t, new(Suite))`, gocheck's `Suite(&Suite{})`.
_RUN = re.compile(
    rb"\bsuite\.Run\(\s*[^,()]{1,60},\s*(?:new\(\s*(\w+)|&?(\w+)\s*\{|(\w+)\s*\))|\bSuite\(\s*&?(?:new\()?(\w+)\s*[{)]"
)
_FRAMEWORKS = {
    "github.com/stretchr/testify/suite": "testify",
    "gopkg.in/check.v1": "gocheck",
    "github.com/go-check/check": "gocheck",
}


class Method(NamedTuple):
    """A method that is a test if its receiver is a suite that is run."""

    receiver: str
    test: Found


class GoFacts(NamedTuple):
    """What a file says of itself and of its package."""

    file: FileFacts
    """Its functions; the framework is that of its suites."""
    methods: tuple[Method, ...]
    bases: dict[str, tuple[str, ...]]
    """The types that each struct embeds."""
    run: tuple[str, ...]
    """The types that are run as suites."""


def read(content: bytes) -> GoFacts | None:
    """The facts of a file; None if there are none. Raises SourceUnreadable."""
    reader = _Reader(parse("go", content))
    reader.read()
    file = FileFacts(reader.framework, 0, tuple(reader.tests), reader.source.first_error)
    run = tuple(name.decode() for each in _RUN.findall(content) for name in each if name)
    facts = GoFacts(file, tuple(reader.methods), reader.bases, run)
    return facts if facts != GoFacts(FileFacts(reader.framework), (), {}, ()) else None


class _Reader:
    """One walk over the declarations of a file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.framework = "testing"
        self.tests: list[Found] = []
        self.methods: list[Method] = []
        self.bases: dict[str, tuple[str, ...]] = {}

    def read(self) -> None:
        for node in self.source.root.named_children:
            if node.type == "function_declaration":
                self._function(node)
            elif node.type == "method_declaration":
                self._method(node)
            elif node.type == "type_declaration":
                self._types(node)
            elif node.type == "import_declaration":
                self._imports(node)

    def _function(self, node: Node) -> None:
        name = self._name(node)
        kind = _KIND.match(name)
        if kind is None or node.child_by_field_name("type_parameters") or node.child_by_field_name("result"):
            return
        if kind[1] == "Example":
            is_test = not self._parameters(node) and bool(_OUTPUT.search(self.source.text(node)))
        else:
            is_test = self._takes(node, kind[1])
        if is_test:
            self.tests.append(Found(name, line_of(node), self._status(node)))

    def _takes(self, node: Node, kind: str) -> bool:
        """Whether the one parameter is a `*testing.T`, or a `*testing.F`."""
        parameters = self._parameters(node)
        if len(parameters) != 1 or parameters[0].type != "parameter_declaration":
            return False
        written = self.source.text(parameters[0].child_by_field_name("type"))
        return written.startswith("*") and written[1:].rpartition(".")[2] in _PARAMETERS[kind]

    def _method(self, node: Node) -> None:
        name = self._name(node)
        kind = _KIND.match(name)
        receiver = node.child_by_field_name("receiver")
        if kind is None or kind[1] != "Test" or receiver is None or not receiver.named_child_count:
            return
        holder = self.source.text(receiver.named_children[0].child_by_field_name("type"))
        suite = holder.lstrip("*").partition("[")[0]
        self.methods.append(Method(suite, Found(f"{suite}::{name}", line_of(node), self._status(node))))

    def _types(self, node: Node) -> None:
        for each in node.named_children:
            structure = each.child_by_field_name("type")
            if each.type == "type_spec" and structure and structure.type == "struct_type":
                self.bases[self._name(each)] = self._embedded(structure)

    def _embedded(self, structure: Node) -> tuple[str, ...]:
        fields = [field for each in structure.named_children for field in each.named_children]
        return tuple(
            self.source.text(field.child_by_field_name("type")).lstrip("*")
            for field in fields
            if field.type == "field_declaration" and not field.child_by_field_name("name")
        )

    def _imports(self, node: Node) -> None:
        for path, framework in _FRAMEWORKS.items():
            if f'"{path}"' in self.source.text(node):
                self.framework = framework

    def _status(self, node: Node) -> Status:
        """Whether the first statement of all skips the test."""
        statement = node.child_by_field_name("body")
        while statement and statement.type in {"block", "statement_list", "expression_statement"}:
            statement = next(uncommented(statement), None)
        if statement is None or statement.type != "call_expression":
            return "active"
        called = self.source.text(statement.child_by_field_name("function"))
        return "skipped" if called.rpartition(".")[2] in _SKIPS else "active"

    def _parameters(self, node: Node) -> list[Node]:
        parameters = node.child_by_field_name("parameters")
        return parameters.named_children if parameters else []

    def _name(self, node: Node) -> str:
        return self.source.text(node.child_by_field_name("name"))
