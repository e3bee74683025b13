"""Spellings that the grammar does not know."""

import re

#: The empty tuple as a value: `promise.succeed(())`, or as a statement.
_EMPTY = re.compile(rb"(?<=\()\(\)(?=[,)])|^([ \t]*(?:return )?)\(\)(?=[ \t]*(?://|$))", re.MULTILINE)
#: `nonisolated(unsafe) var`.
_UNSAFE = re.compile(rb"\bnonisolated\(unsafe\)(?= +(?:let|var)\b)")
#: A name in a module: `Testing::Test`.
_IN_MODULE = re.compile(rb"(?<=\w)::(?=\w)")


def plain(content: bytes) -> bytes:
    """The file without them, to be parsed; bytes and lines stay where they are."""
    content = _EMPTY.sub(lambda found: (found[1] or b"") + b"[]", content)
    content = _UNSAFE.sub(lambda found: b" " * len(found.group()), content)
    return _IN_MODULE.sub(b"_.", content)
