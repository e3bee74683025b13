"""A C++ file as the pieces that matter for macros: calls of some, braces, and the conditions of `#if`."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from src.inventory.cpp.macros import CALL

_TEXT = r'//(?:\\\r?\n|[^\n])*|/\*.*?\*/|R"([^(\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\''
_DIRECTIVE = r"^[ \t]*#(?:\\\r?\n|/\*.*?\*/|[^\n])*"
_PIECE = re.compile(rf"{_TEXT}|{_DIRECTIVE}|[{{}}]|{CALL.pattern.decode()}", re.DOTALL | re.MULTILINE)
_ARGUMENT = re.compile(rf"{_TEXT}|[(){{}}\[\],]", re.DOTALL)
_NEXT = re.compile(r"(?:\s|//[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LITERAL = re.compile(r'\s*(?:R"([^(\s]{0,16})\((.*?)\)\1"|"((?:\\.|[^"\\\n])*)")', re.DOTALL)
_IF = re.compile(r"\s*#\s*if(?:n?def)?\b\s*(.*)")
_NEVER = re.compile(r"(?:0|false)\s*(?://.*|/\*.*)?$")
_OPENING, _CLOSING = "([{", ")]}"
#: The longest call of a macro.
_FAR = 8192


class Piece(NamedTuple):
    """A brace, or a macro's call with its arguments; both reach from `begin` to `end`."""

    text: str
    begin: int
    end: int
    arguments: tuple[str, ...] = ()


def pieces(text: str) -> Iterator[Piece]:
    """The braces and calls of a file, without those that the compiler never comes to."""
    skipped, end = 0, 0
    while match := _PIECE.search(text, end):
        end = match.end()
        piece, macro = match.group().lstrip(), match[2]
        if piece.startswith("#"):
            skipped = _skipped(piece, skipped)
        elif macro and not skipped:
            arguments, end = _arguments(text, end - 1)
            if arguments:
                yield Piece(macro, match.start(), end, arguments)
        elif piece in "{}" and not skipped:
            yield Piece(piece, match.start(), end)


def behind(text: str, begin: int) -> str:
    """The beginning of what follows, comments left out."""
    match = _NEXT.match(text, begin)
    end = match.end() if match else begin
    return text[end : end + 80]


def body(text: str, begin: int) -> str | None:
    """The beginning of the block that follows; None if something else does."""
    following = behind(text, begin)
    return behind(text, text.index("{", begin) + 1) if following.startswith("{") else None


def unquoted(argument: str) -> str | None:
    """The text of string literals side by side at the beginning of an argument; None if there are none."""
    parts: list[str] = []
    end = 0
    while match := _LITERAL.match(argument, end):
        parts.append(match[2] if match[2] is not None else match[3])
        end = match.end()
    return "".join(parts) if parts else None


def _skipped(directive: str, depth: int) -> int:
    """How many `#if` deep the text behind a directive is in one that never holds."""
    condition = _IF.match(directive)
    if condition:
        return depth + 1 if depth or _NEVER.match(condition[1]) else 0
    word = directive.replace("#", " ").split(maxsplit=1)
    if depth and word and (word[0] == "endif" or (depth == 1 and word[0].startswith("el"))):
        return depth - 1
    return depth


def _arguments(text: str, opening: int) -> tuple[tuple[str, ...], int]:
    """A call's arguments without comments, and its end; nothing if its bracket does not close near by."""
    arguments: list[str] = []
    begin, depth = opening + 1, 0
    for match in _ARGUMENT.finditer(text, opening, opening + _FAR):
        piece = match.group()
        depth += (piece in _OPENING) - (piece in _CLOSING)
        if depth == 0 or (depth == 1 and piece == ","):
            arguments.append(_COMMENT.sub(" ", text[begin : match.start()]).strip())
            begin = match.end()
        if depth == 0:
            return tuple(arguments), match.end()
    return (), opening + _FAR
