"""Conditions that stand around attributes, which the grammar does not read."""

import re

_LINES = rb"(?:[ \t]*\[[^\n]*\][ \t]*\r?\n)"
_AROUND_ATTRIBUTES = re.compile(
    rb"^[ \t]*#if[^\n]*\n" + _LINES + rb"+(?:[ \t]*#el[^\n]*\n" + _LINES + rb"*)*[ \t]*#endif", re.MULTILINE
)
_DIRECTIVE = re.compile(rb"^([ \t]*)#[^\r\n]*", re.MULTILINE)


def without(content: bytes) -> bytes:
    """The file with each attribute as if its condition held; bytes and lines stay where they are."""
    return _AROUND_ATTRIBUTES.sub(_blank, content)


def _blank(around: re.Match[bytes]) -> bytes:
    return _DIRECTIVE.sub(lambda directive: b" " * len(directive.group()), around.group())
