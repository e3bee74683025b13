"""Patterns of files as JavaScript's tools write them, matched in bounded time, whoever wrote them."""

import re
from functools import lru_cache

_MOST_ALTERNATIVES = 64
_MOST_STARS, _MOST_LOOPS = 4, 3
_LONGEST = 400
_GROUPS = {"?(": ")?", "*(": ")?", "@(": ")", "+(": ")", "!(": ")"}


def matches(pattern: str, path: str) -> bool:
    """Whether a glob such as `**/*.{test,spec}.?(c|m)[jt]s?(x)` takes a path; both are relative to the same folder."""
    parts = path.split("/")
    return any(_take(alternative, parts) for alternative in _alternatives(pattern))


def searches(regex: str, path: str) -> bool:
    """Whether a regular expression is found in a path. One that could take long is as if it were not there."""
    compiled = _compiled(regex)
    return bool(compiled and compiled.search(path[-_LONGEST:]))


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> re.Pattern[str] | None:
    if (
        len(regex) > _LONGEST
        or len(re.findall(r"[*+{]", regex)) > _MOST_LOOPS
        or re.search(r"\)[*+{]", regex)
    ):
        return None
    try:
        return re.compile(regex.replace(r"\/", "/"))
    except (re.error, OverflowError, RecursionError):
        return None


@lru_cache(maxsize=1024)
def _alternatives(pattern: str) -> tuple[tuple[re.Pattern[str] | None, ...], ...]:
    """The segments of each pattern without braces; None takes any number of segments."""
    expanded = _expanded(pattern[:_LONGEST])
    return tuple(tuple(map(_segment, _segments(each))) for each in expanded)


def _segments(pattern: str) -> list[str]:
    """The parts between slashes; a slash in parentheses is none."""
    parts, depth = [""], 0
    for character in pattern.removeprefix("./"):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "/" and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return [
        part
        for number, part in enumerate(parts)
        if part and not (part == "**" == parts[number - 1] and number)
    ]


def _expanded(pattern: str) -> list[str]:
    """`{a,b}` written out."""
    done: list[str] = []
    pending = [pattern]
    while pending and len(done) + len(pending) <= _MOST_ALTERNATIVES:
        each = pending.pop()
        braces = re.search(r"\{([^{}]*,[^{}]*)\}", each)
        if braces is None:
            done.append(each)
        else:
            pending += [each[: braces.start()] + part + each[braces.end() :] for part in braces[1].split(",")]
    return done


@lru_cache(maxsize=1024)
def _segment(part: str) -> re.Pattern[str] | None:
    if part == "**":
        return None
    try:
        return re.compile(_translated(part) + r"\Z")
    except (re.error, OverflowError, RecursionError):
        return re.compile(r"(?!)")


def _translated(part: str) -> str:
    found, ends, stars, at = "", list[str](), 0, 0
    while at < len(part):
        two, one = part[at : at + 2], part[at]
        if two in _GROUPS:
            found += "(?!" if two == "!(" else "(?:"
            ends.append(")[^/]*" if two == "!(" else _GROUPS[two])
            at += 1
        elif one == "(":
            found += "(?:"
            ends.append(")")
        elif one == ")" and ends:
            found += ends.pop()
        elif one == "*":
            stars += found[-5:] != "[^/]*"
            found += "[^/]*" if found[-5:] != "[^/]*" else ""
        elif one == "[" and "]" in part[at:]:
            end = part.index("]", at)
            found += (
                "[" + part[at + 1 : end].replace("!", "^", 1).replace("\\", "\\\\").replace("[", "\\[") + "]"
            )
            at = end
        else:
            found += {"?": "[^/]", "|": "|"}.get(one, re.escape(one))
        at += 1
    return found + "".join(reversed(ends)) if stars <= _MOST_STARS else r"(?!)"


def _take(segments: tuple[re.Pattern[str] | None, ...], parts: list[str]) -> bool:
    """Whether the segments take all the parts, in at most one step for each pair of them."""
    reached = {0}
    for segment in segments:
        if segment is None:
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and segment.match(parts[at])}
        if not reached:
            return False
    return len(parts) in reached
