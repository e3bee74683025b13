"""The values of a settings file, as far as they are literals: a file such as jest.config.ts, or JSON, or YAML's plainest part."""

import json
import re
from typing import NamedTuple

from tree_sitter import Node

from src.inventory.syntax.parsing import Source

#: A string, which stays, or a comment.
_COMMENT = re.compile(r"(\"(?:\\.|[^\"\\])*\")|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/")
_DEEPEST, _MOST_NODES = 12, 5000
_FUNCTIONS = frozenset({"arrow_function", "function_expression", "function_declaration"})
#: Everything else stands for itself.
_PASSED = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "await_expression",
        "non_null_expression",
    }
)


class Regex(NamedTuple):
    """A regular expression."""

    source: str


Value = None | str | bool | Regex | list["Value"] | dict[str, "Value"]


def exported(source: Source) -> dict[str, Value]:
    """The object that a module exports: literals, variables of the file, and what calls are given."""
    return _Evaluation(source).exported()


def json_of(content: bytes) -> dict[str, Value]:
    """A JSON object, with comments and trailing commas or without. Empty if it is none."""
    text = content.decode("utf-8", "replace")
    bare = _COMMENT.sub(lambda found: found[1] or "", text)
    for each in (text, re.sub(r",(\s*[}\]])", r"\1", bare)):
        try:
            found = json.loads(each)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else {}
    return {}


def yaml_of(content: bytes) -> dict[str, Value]:
    """The keys of a YAML mapping whose values are scalars or lists of scalars."""
    found: dict[str, Value] = {}
    items: list[Value] = []
    for line in content.decode("utf-8", "replace").splitlines():
        if match := re.match(r"([\w-]+):\s*(.*?)\s*(?:#.*)?$", line):
            value = match[2]
            items = [_plain(each) for each in value.strip("[]").split(",")] if value.startswith("[") else []
            found[match[1]] = _plain(value) if value and not value.startswith("[") else items
        elif match := re.match(r"\s*-\s+(.*?)\s*$", line):
            items.append(_plain(match[1].partition(" #")[0]))
    return found


def _plain(value: str) -> str:
    return value.strip().strip("'\"")


def strings(value: Value) -> tuple[str, ...]:
    """A string, or those of a list."""
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def regexes(value: Value) -> tuple[str, ...]:
    """The sources of a regular expression, or of those of a list."""
    listed = value if isinstance(value, list) else [value]
    return tuple(each.source for each in listed if isinstance(each, Regex))


class _Evaluation:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = _MOST_NODES
        self._variables: dict[str, Node] = {}
        self._exported: Node | None = None
        for statement in source.root.named_children:
            self._note(statement)

    def exported(self) -> dict[str, Value]:
        found = self._value(self._exported, 0)
        return found if isinstance(found, dict) else {}

    def _note(self, statement: Node) -> None:
        if statement.type == "export_statement":
            self._exported = statement.child_by_field_name("value") or self._exported
            declaration = statement.child_by_field_name("declaration")
            if declaration:
                self._note(declaration)
        elif statement.type in {"lexical_declaration", "variable_declaration"}:
            for each in statement.named_children:
                self._bind(each.child_by_field_name("name"), each.child_by_field_name("value"))
        elif statement.type == "function_declaration":
            self._bind(statement.child_by_field_name("name"), statement)
        elif statement.type == "expression_statement" and statement.named_child_count:
            assignment = statement.named_children[0]
            left = self._source.text(assignment.child_by_field_name("left"))
            if left in {"module.exports", "exports.default", "exports"}:
                self._exported = assignment.child_by_field_name("right")

    def _bind(self, name: Node | None, value: Node | None) -> None:
        if name and value:
            self._variables[self._source.text(name)] = value

    def _value(self, node: Node | None, depth: int) -> Value:
        self._left -= 1
        if node is None or depth > _DEEPEST or self._left < 0:
            return None
        if node.type in _PASSED:
            return self._value(node.named_child(0), depth + 1) if node.named_child_count else None
        if node.type in {"array", "object", "call_expression"}:
            return self._compound(node, depth + 1)
        if node.type in {"string", "template_string", "true", "false", "regex"}:
            return self._literal(node)
        return self._referred(node, depth + 1)

    def _literal(self, node: Node) -> Value:
        if node.type in {"true", "false"}:
            return node.type == "true"
        if node.type == "regex":
            return Regex(self._source.text(node.child_by_field_name("pattern")))
        return self._source.text(node)[1:-1].replace("\\\\", "\\")

    def _compound(self, node: Node, depth: int) -> Value:
        if node.type == "array":
            return self._array(node, depth)
        return self._object(node, depth) if node.type == "object" else self._call(node, depth)

    def _referred(self, node: Node, depth: int) -> Value:
        if node.type == "identifier":
            return self._value(self._variables.get(self._source.text(node)), depth)
        if node.type == "ternary_expression":
            return self._value(node.child_by_field_name("consequence"), depth)
        return self._result(node, depth) if node.type in _FUNCTIONS else None

    def _array(self, node: Node, depth: int) -> Value:
        found: list[Value] = []
        for each in node.named_children:
            if each.type == "spread_element" and each.named_child_count:
                spread = self._value(each.named_child(0), depth)
                found += spread if isinstance(spread, list) else []
            else:
                found.append(self._value(each, depth))
        return found

    def _object(self, node: Node, depth: int) -> Value:
        found: dict[str, Value] = {}
        for each in node.named_children:
            if each.type == "spread_element" and each.named_child_count:
                spread = self._value(each.named_child(0), depth)
                found.update(spread if isinstance(spread, dict) else {})
            elif each.type == "pair":
                key = self._source.text(each.child_by_field_name("key")).strip("'\"")
                found[key] = self._value(each.child_by_field_name("value"), depth)
            elif each.type == "shorthand_property_identifier":
                name = self._source.text(each)
                found[name] = self._value(self._variables.get(name), depth)
        return found

    def _call(self, node: Node, depth: int) -> Value:
        """What a call is given, objects as one: `defineConfig({…})`, `mergeConfig(base, {…})`, `join(__dirname, "test")`."""
        arguments = node.child_by_field_name("arguments")
        values = [self._value(each, depth) for each in (arguments.named_children if arguments else [])]
        merged: dict[str, Value] = {}
        for each in values:
            merged.update(each if isinstance(each, dict) else {})
        if merged:
            return merged
        if texts := [each for each in values if isinstance(each, str)]:
            return "/".join(texts)
        return self._value(node.child_by_field_name("function"), depth) if not values else None

    def _result(self, function: Node, depth: int) -> Value:
        body = function.child_by_field_name("body")
        if body is None or body.type != "statement_block":
            return self._value(body, depth)
        for statement in body.named_children:
            if statement.type == "return_statement" and statement.named_child_count:
                return self._value(statement.named_child(0), depth)
        return None
