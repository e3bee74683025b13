"""Spellings that the grammar does not know."""

import re

#: `$$"a string in which one dollar is only a dollar"`.
_DOLLARS = re.compile(rb'(?<!\$)\$\$+(?:"""(?:[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*")')
#: A raw string that begins or ends with a quote of its own.
_QUOTES = re.compile(rb'(?<![\\"])"""("{1,2})(?!")')
#: Functions that are named like a modifier: `open("/")`, `suspend { }`.
_MODIFIER_CALLED = re.compile(
    rb"(?<![\w.])(?:abstract|external|final|infix|inline|internal|lateinit|open|operator|override|private|protected"
    rb"|public|sealed|tailrec)(?=\()|(?<![\w.])suspend(?=[ \t]*\{)"
)
#: Statements that begin like the accessor or the delegate of a property on the line before: `get("/")`, `set1.clear()`.
_ACCESSOR_CALLED = re.compile(
    rb"^[ \t]*(?:get(?=\((?!\)\s?[={:]))|set(?=\((?![\w@:.<>?, ]{0,200}\)\s?[={:]))|(?:get|set)(?=\d|[ \t]+\w)|by(?=[.(]))",
    re.MULTILINE,
)
#: Members that no line's end follows: `class A { fun b() {} fun c() {} }`.
_ENDS = re.compile(
    rb"(?<!->)(?<=[^\s{;,]) (?=\})"
    rb"|(?<=\}) (?=@|(?:abstract|class|companion|data|enum|fun|init|inner|interface|internal|object|open|override|private"
    rb"|protected|public|sealed|suspend|val|var)\b)"
)


def plain(content: bytes) -> bytes:
    """The file without them, to be parsed; bytes and lines stay where they are."""
    content = _DOLLARS.sub(lambda found: found.group().replace(b"$", b" "), content)
    content = _QUOTES.sub(lambda found: b'"""' + b" " * len(found[1]), content)
    content = _MODIFIER_CALLED.sub(lambda found: found.group().capitalize(), content)
    return _ACCESSOR_CALLED.sub(lambda found: found.group().title(), content)


def separated(content: bytes) -> bytes:
    """The file with the ends of members that the grammar wants. Some that are right without them are wrong with them."""
    return _ENDS.sub(b";", content)
