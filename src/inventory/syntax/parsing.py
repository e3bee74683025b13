"""Source text to a syntax tree with tree-sitter, within bounds of time and memory.

Every parse holds the GIL, and no grammar is safe from a file made to be slow: the kernel ends a child that the bounds in here
do not reach (`src.inventory.children`).
"""

import codecs
import importlib
import resource
import time
from collections.abc import Iterator
from functools import cache
from typing import Literal, NoReturn

from tree_sitter import Language, Node, Parser

from src.inventory.unreadable import SourceUnreadable

Grammar = Literal[
    "c_sharp",
    "cpp",
    "go",
    "java",
    "javascript",
    "kotlin",
    "php",
    "ruby",
    "rust",
    "swift",
    "tsx",
    "typescript",
]

#: Processor seconds that the parse of one file may take, and the memory that it may add.
PARSE_SECONDS, PARSE_MIB = 3, 400
#: Calls of tree-sitter between two looks at the memory.
_LOOK = 256
_CHUNK = 64 * 1024
#: Wheels that hold more than one grammar, and what each is called in there.
_WHEELS = {
    "php": ("php", "language_php"),
    "tsx": ("typescript", "language_tsx"),
    "typescript": ("typescript", "language_typescript"),
}


class Source:
    """The syntax tree of a file and its text."""

    def __init__(self, root: Node, text: bytes) -> None:
        self.root = root
        self._text = text

    def text(self, node: Node | None) -> str:
        """What is written there; nothing for None. (`Node.text` takes a hundred times as long.)"""
        return self._text[node.start_byte : node.end_byte].decode("utf-8", "replace") if node else ""

    def compact(self, node: Node | None) -> str:
        """The text without any blanks."""
        return "".join(self.text(node).split())

    def between(self, before: Node, after: Node) -> str:
        """What is written between two nodes."""
        return self._text[before.end_byte : after.start_byte].decode("utf-8", "replace")

    @property
    def first_error(self) -> int:
        """The line of the first text that does not fit the grammar; 0 if all of it does."""
        node: Node | None = self.root if self.root.has_error else None
        line = 0
        while node:
            line = line_of(node)
            node = (
                None if node.is_error else next((child for child in node.children if child.has_error), None)
            )
        return line


def line_of(node: Node) -> int:
    """Where a node begins, counted from 1."""
    return node.start_point.row + 1


def uncommented(node: Node | None) -> Iterator[Node]:
    """What stands in a node, such as a function's statements or a call's arguments, without comments."""
    return (each for each in (node.named_children if node else ()) if each.type != "comment")


def parse(grammar: Grammar, content: bytes) -> Source:
    """A file's syntax tree; it has `ERROR` nodes where the text does not fit the grammar.

    Raises SourceUnreadable if parsing takes too much time or memory.
    """
    bounds = _Bounds()
    try:
        tree = _parser(grammar).parse(
            lambda offset, _: content[offset : offset + _CHUNK], progress_callback=bounds.are_passed
        )
    except ValueError as error:
        _parser(grammar).reset()
        bounds.refuse(error)
    return Source(tree.root_node, content)


def utf8(content: bytes) -> bytes:
    """The text without its byte order mark, as UTF-8 if the mark says UTF-16."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode()
    return content.removeprefix(codecs.BOM_UTF8)


class _Bounds:
    """The time and the memory of one parse."""

    def __init__(self) -> None:
        self._end = time.process_time() + PARSE_SECONDS
        self._most_kib = _peak_kib() + PARSE_MIB * 1024
        self._calls = 0
        self._passed = ""

    def are_passed(self, _offset: int, _has_error: bool) -> bool:  # noqa: FBT001 - tree-sitter's signature
        """Whether tree-sitter should stop."""
        self._calls += 1
        if time.process_time() > self._end:
            self._passed = f"takes more than {PARSE_SECONDS} s of processor time to parse"
        elif self._calls % _LOOK == 0 and _peak_kib() > self._most_kib:
            self._passed = f"needs more than {PARSE_MIB} MiB of memory to parse"
        return bool(self._passed)

    def refuse(self, error: ValueError) -> NoReturn:
        raise SourceUnreadable(self._passed or f"does not parse: {error}"[:200]) from error


@cache
def _parser(grammar: Grammar) -> Parser:
    """Loads the grammar: a process that never meets a language never does."""
    wheel, function = _WHEELS.get(grammar, (grammar, "language"))
    module = importlib.import_module(f"tree_sitter_{wheel}")
    return Parser(Language(getattr(module, function)()))


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
