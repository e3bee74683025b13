"""`macro_rules!`: whether a call fits the pattern of a rule, and what the rule makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from src.inventory.rust.tokens import Group, Part, Token, is_group, is_word

Bound: TypeAlias = "tuple[Part, ...] | list[Bound]"
Bindings: TypeAlias = "dict[str, Bound]"

_BEFORE_CLOSURES = frozenset({"move", "async", "static", "=", "&", "return"})
_OPERATORS = frozenset({"*", "+", "?"})
#: What ends a fragment, by its kind; Rust allows nothing else behind it.
_ENDS = {
    "expr": frozenset({",", ";", "=>"}),
    "expr_2021": frozenset({",", ";", "=>"}),
    "stmt": frozenset({",", ";", "=>"}),
    "ty": frozenset({",", ";", "=>", ":", "=", "|", "{", "[", "as", "where"}),
    "path": frozenset({",", ";", "=>", ":", "=", "|", "{", "[", "as", "where"}),
    "pat": frozenset({",", "=>", "=", "if", "in"}),
    "pat_param": frozenset({",", "=>", "=", "|", "if", "in"}),
}


#: Words behind or before which another may stand in an expression or a type.
_KEYWORDS = frozenset(
    [
        "as",
        "async",
        "await",
        "box",
        "break",
        "const",
        "continue",
        "crate",
        "dyn",
        "else",
        "extern",
        "fn",
        "for",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "match",
        "move",
        "mut",
        "ref",
        "return",
        "static",
        "unsafe",
        "where",
        "while",
        "yield",
    ]
)


class TooMuch(Exception):
    """The macros of an archive take more steps than they may."""


class Steps:
    """How much is left to do."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, count: int = 1) -> None:
        """Take some more. Raises TooMuch."""
        self.left -= count
        if self.left < 0:
            raise TooMuch


class Rule(NamedTuple):
    """One arm of a macro."""

    pattern: tuple[Part, ...]
    outcome: tuple[Part, ...]


class _Repetition(NamedTuple):
    parts: tuple[Part, ...]
    separator: str
    operator: str
    end: int
    """Where what follows it begins."""


def rules(parts: tuple[Part, ...]) -> tuple[Rule, ...]:
    """The arms of a macro."""
    return tuple(
        Rule(before.parts, after.parts)
        for before, arrow, after in zip(parts, parts[1:], parts[2:], strict=False)
        if is_word(arrow, "=>") and isinstance(before, Group) and isinstance(after, Group)
    )


def expand(rule: Rule, call: tuple[Part, ...], steps: Steps) -> tuple[Part, ...] | None:
    """What a call stands for; None if it does not fit the rule. Raises TooMuch."""
    matcher = _Matcher(call, steps)
    bindings = matcher.match(rule.pattern)
    if bindings is None or matcher.at < len(call):
        return None
    return tuple(_outcome(rule.outcome, bindings, steps))


def _repetition(parts: tuple[Part, ...], at: int) -> _Repetition | None:
    """The `$( … ) , *` that begins there."""
    if not is_word(parts[at], "$") or at + 2 >= len(parts):
        return None
    group, following = parts[at + 1], parts[at + 2]
    if not isinstance(group, Group) or not isinstance(following, Token):
        return None
    if following.text in _OPERATORS:
        return _Repetition(group.parts, "", following.text, at + 3)
    operator = parts[at + 3] if at + 3 < len(parts) else None
    if isinstance(operator, Token) and operator.text in _OPERATORS:
        return _Repetition(group.parts, following.text, operator.text, at + 4)
    return None


class _Matcher:
    """Goes along a call as a pattern asks for. As in Rust, nothing is taken back."""

    def __init__(self, parts: tuple[Part, ...], steps: Steps) -> None:
        self._parts = parts
        self._steps = steps
        self.at = 0

    def match(self, pattern: tuple[Part, ...]) -> Bindings | None:
        """The fragments that a call has for a pattern; None if it does not fit."""
        found: Bindings = {}
        at = 0
        while at < len(pattern):
            self._steps.take()
            part = pattern[at]
            if repetition := _repetition(pattern, at):
                found |= self._repeat(repetition)
                at = repetition.end
            elif isinstance(part, Group):
                inner = self._enter(part)
                if inner is None:
                    return None
                found |= inner
                at += 1
            elif _is_fragment(pattern, at):
                taken = self._fragment(str(getattr(pattern[at + 2], "text", "")))
                if taken is None:
                    return None
                found[part.text] = taken
                at += 3
            elif is_word(self._part(), part.text):
                self.at += 1
                at += 1
            else:
                return None
        return found

    def _enter(self, pattern: Group) -> Bindings | None:
        """Match what stands in brackets."""
        group = self._part()
        if not isinstance(group, Group) or group.opening != pattern.opening:
            return None
        self.at += 1
        inner = _Matcher(group.parts, self._steps)
        found = inner.match(pattern.parts)
        return found if inner.at >= len(group.parts) else None

    def _repeat(self, repetition: _Repetition) -> Bindings:
        each: list[Bindings] = []
        while self.at < len(self._parts):
            start = self.at
            if each and repetition.separator:
                if not is_word(self._part(), repetition.separator):
                    break
                self.at += 1
            found = self.match(repetition.parts)
            if found is None or self.at == start:
                self.at = start
                break
            each.append(found)
            if repetition.operator == "?":
                break
        names = sorted(set(_names(repetition.parts, self._steps)))
        self._steps.take(len(names) * len(each))
        return {name: [found[name] for found in each if name in found] for name in names}

    def _fragment(self, kind: str) -> tuple[Part, ...] | None:
        start = self.at
        if kind == "vis":
            self._visibility()
            return self._parts[start : self.at]
        part = self._part()
        if part is None or not self._take(kind, part):
            return None
        return self._parts[start : self.at]

    def _take(self, kind: str, part: Part) -> bool:
        """Go behind a fragment. Gives whether there is one."""
        if kind in _ENDS:
            return self._until(_ENDS[kind], has_arguments=kind in {"ty", "path"})
        if kind == "item":
            return self._item()
        if kind == "meta":
            return self._meta()
        if (kind == "ident" and not _is_identifier(part)) or (kind == "block" and not is_group(part, "{")):
            return False
        if kind == "literal" and (isinstance(part, Group) or _is_identifier(part)):
            return False
        self.at += 2 if kind in {"literal", "lifetime"} and _is_prefix(part) else 1
        return True

    def _until(self, ends: frozenset[str], *, has_arguments: bool) -> bool:
        start, depth = self.at, 0
        while (part := self._part()) is not None:
            self._steps.take()
            text = part.text if isinstance(part, Token) else part.opening
            if depth <= 0 and self.at > start and (text in ends or self._begins_another(part)):
                break
            if has_arguments and text in {"<", ">", ">>"}:
                depth += 1 if text == "<" else -len(text)
            if text == "|" and self._begins_closure(start):
                self._go_behind("|")
            self.at += 1
        return self.at > start

    def _begins_another(self, part: Part) -> bool:
        """Whether two words follow each other that belong to no expression: `vec vec![]`."""
        before = self._parts[self.at - 1]
        words = isinstance(before, Token) and _is_identifier(before) and _is_identifier(part)
        return words and not _KEYWORDS.intersection(_texts(before, part))

    def _begins_closure(self, start: int) -> bool:
        """Whether a bar is the first of `|a, b| …`, whose commas end nothing."""
        before = self._parts[self.at - 1] if self.at > start else None
        return before is None or (isinstance(before, Token) and before.text in _BEFORE_CLOSURES)

    def _go_behind(self, word: str) -> None:
        """Go to the next such word."""
        self.at += 1
        while (part := self._part()) is not None and not is_word(part, word):
            self._steps.take()
            self.at += 1

    def _item(self) -> bool:
        start = self.at
        is_use = False
        while (part := self._part()) is not None:
            self._steps.take()
            self.at += 1
            is_use = is_use or is_word(part, "use")
            if is_word(part, ";") or (is_group(part, "{") and not is_use):
                break
        return self.at > start

    def _meta(self) -> bool:
        start = self.at
        while isinstance(part := self._part(), Token) and part.text not in {",", "="}:
            self._steps.take()
            self.at += 1
        if is_word(self._part(), "="):
            self.at += 2
        elif isinstance(self._part(), Group):
            self.at += 1
        return self.at > start

    def _visibility(self) -> None:
        if is_word(self._part(), "pub"):
            self.at += 1
            if is_group(self._part(), "("):
                self.at += 1

    def _part(self) -> Part | None:
        return self._parts[self.at] if self.at < len(self._parts) else None


def _is_fragment(pattern: tuple[Part, ...], at: int) -> bool:
    part = pattern[at]
    return (
        isinstance(part, Token)
        and part.text.startswith("$")
        and at + 2 < len(pattern)
        and is_word(pattern[at + 1], ":")
    )


def _is_identifier(part: Part) -> bool:
    return (
        isinstance(part, Token)
        and part.text.removeprefix("r#").isidentifier()
        and part.text not in {"_", "true", "false"}
    )


def _texts(*parts: Part) -> set[str]:
    return {part.text for part in parts if isinstance(part, Token)}


def _is_prefix(part: Part) -> bool:
    """`-` of a number, and the apostrophe of a lifetime."""
    return isinstance(part, Token) and part.text in {"-", "'"}


def _names(parts: tuple[Part, ...], steps: Steps) -> Iterator[str]:
    """The names of the fragments in a pattern or an outcome."""
    for part in parts:
        steps.take()
        if isinstance(part, Group):
            yield from _names(part.parts, steps)
        elif part.text.startswith("$") and len(part.text) > 1:
            yield part.text


def _outcome(parts: tuple[Part, ...], bindings: Bindings, steps: Steps) -> Iterator[Part]:
    at = 0
    while at < len(parts):
        steps.take()
        part = parts[at]
        if repetition := _repetition(parts, at):
            yield from _repeated(repetition, bindings, steps)
            at = repetition.end
            continue
        at += 1
        if isinstance(part, Group):
            yield Group(part.opening, tuple(_outcome(part.parts, bindings, steps)))
        elif isinstance(bound := bindings.get(part.text), tuple):
            _take_all(bound, steps)
            yield from bound
        else:
            yield part


def _take_all(parts: tuple[Part, ...], steps: Steps) -> None:
    """Count what stands in groups too: whoever reads the outcome goes into them."""
    steps.take(len(parts))
    for part in parts:
        if isinstance(part, Group):
            _take_all(part.parts, steps)


def _repeated(repetition: _Repetition, bindings: Bindings, steps: Steps) -> Iterator[Part]:
    lists = {
        name: bound
        for name in _names(repetition.parts, steps)
        if isinstance(bound := bindings.get(name), list)
    }
    count = max((len(bound) for bound in lists.values()), default=1)
    for turn in range(count):
        steps.take(1 + len(lists) + len(bindings))
        if turn and repetition.separator:
            yield Token(repetition.separator, 0, "")
        ours = {name: bound[turn] for name, bound in lists.items() if turn < len(bound)}
        yield from _outcome(repetition.parts, bindings | ours, steps)
