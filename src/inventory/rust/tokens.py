"""A file as a tree of tokens, as macros take it. What holds no test is left out of it: types, bodies of functions, comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from tree_sitter import Node

from src.inventory.syntax.parsing import Source, line_of

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_OMITTED = frozenset(
    {"line_comment", "block_comment", "visibility_modifier", "type_parameters", "parameters", "where_clause"}
)
_OTHER_ITEMS = frozenset(
    {
        "use_declaration",
        "struct_item",
        "enum_item",
        "union_item",
        "impl_item",
        "trait_item",
        "type_item",
        "const_item",
        "static_item",
        "extern_crate_declaration",
        "foreign_mod_item",
    }
)
_LITERALS = frozenset({"string_literal", "raw_string_literal", "char_literal"})
_REPETITIONS = frozenset({"token_repetition", "token_repetition_pattern"})
#: Groups that lie deeper are empty; the tokens of a file end there.
_DEEPEST, _MOST = 40, 100_000


class Token(NamedTuple):
    """A token, and where it is written: a macro's may come from another file than its call."""

    text: str
    line: int
    path: str


class Group(NamedTuple):
    """What stands between two brackets."""

    opening: str
    parts: tuple[Part, ...]


Part: TypeAlias = Token | Group


def tokens(source: Source, path: str, renamed: Mapping[str, str]) -> tuple[tuple[Part, ...], int]:
    """The tokens of a file, and the line behind which more were left out, else 0.

    A name that is in `renamed` is what that says.
    """
    builder = _Builder(source, path, renamed)
    return builder.build(), builder.end


def text_of(parts: Iterable[Part]) -> str:
    """The tokens without the space between them."""
    return "".join(_texts(parts))


def is_word(part: Part | None, word: str) -> bool:
    return isinstance(part, Token) and part.text == word


def is_group(part: Part | None, opening: str) -> bool:
    return isinstance(part, Group) and part.opening == opening


def split(parts: Iterable[Part]) -> Iterator[tuple[Part, ...]]:
    """The parts between commas."""
    found: list[Part] = []
    for part in parts:
        if is_word(part, ","):
            yield tuple(found)
            found = []
        else:
            found.append(part)
    if found:
        yield tuple(found)


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Token):
            yield part.text
        else:
            yield part.opening
            yield from _texts(part.parts)
            yield _CLOSING[part.opening]


class _Level:
    """A group that is not closed yet."""

    def __init__(self, opening: str) -> None:
        self.opening = opening
        self.parts: list[Part] = []
        self.is_function = False
        """The next braces are a function's body."""


class _Builder:
    def __init__(self, source: Source, path: str, renamed: Mapping[str, str]) -> None:
        self._source = source
        self._path = path
        self._renamed = renamed
        self._levels = [_Level("")]
        self._count = 0
        self.end = 0

    def build(self) -> tuple[Part, ...]:
        pending: list[Node | Token] = [self._source.root]
        while pending and self._count < _MOST:
            self._take(pending.pop(), pending)
        if pending:
            last = pending[-1]
            self.end = last.line if isinstance(last, Token) else line_of(last)
        while len(self._levels) > 1:
            self._close()
        return tuple(self._levels[0].parts)

    def _take(self, node: Node | Token, pending: list[Node | Token]) -> None:
        if isinstance(node, Token):
            self._add(node)
        elif node.type in _OTHER_ITEMS:
            self._add(self._token(";", node))
        elif node.type == "block" or self._is_body(node):
            self._levels[-1].is_function = False
            self._add(Group("{", ()))
        elif node.type in _REPETITIONS:
            pending.extend(reversed(self._repetition(node)))
        elif node.child_count and node.type not in _LITERALS:
            pending.extend(child for child in reversed(node.children) if child.type not in _OMITTED)
        else:
            self._leaf(node)

    def _is_body(self, node: Node) -> bool:
        """Whether braces among tokens are the body of a function or of a closure."""
        if node.type not in {"token_tree", "token_tree_pattern"} or node.children[0].type != "{":
            return False
        level = self._levels[-1]
        return level.is_function or bool(level.parts and is_word(level.parts[-1], "|"))

    def _repetition(self, node: Node) -> list[Node | Token]:
        """`$( … ) , *`, with the separator, for which the grammar has no node."""
        *inner, end = node.children
        between = self._source.between(inner[-1], end).strip() if inner else ""
        separator = [self._token(between, end)] if between else []
        return [*inner, *separator, end]

    def _leaf(self, node: Node) -> None:
        text = self._source.text(node)
        if text == "macro_rules!":
            self._add(self._token("macro_rules", node))
            self._add(self._token("!", node))
        elif not node.is_named and text in _CLOSING:
            self._levels.append(_Level(text))
        elif not node.is_named and text in _CLOSING.values():
            if len(self._levels) > 1 and _CLOSING[self._levels[-1].opening] == text:
                self._close()
        elif text:
            self._add(self._token(self._renamed.get(text, text), node))

    def _close(self) -> None:
        depth = len(self._levels)
        level = self._levels.pop()
        self._add(Group(level.opening, tuple(level.parts) if depth < _DEEPEST else ()))

    def _add(self, part: Part) -> None:
        level = self._levels[-1]
        level.parts.append(part)
        self._count += 1
        if isinstance(part, Token) and part.text in {"fn", ";"}:
            level.is_function = part.text == "fn"

    def _token(self, text: str, node: Node) -> Token:
        return Token(text, line_of(node), self._path)
