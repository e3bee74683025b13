"""What composer and PHPUnit's configuration say: which framework, and which files it runs."""

import posixpath
import re
from collections.abc import Iterator

from src.inventory.classes.facts import Settings

FILES = re.compile(r"(^|/)(composer\.json|phpunit[\w.-]*\.xml(\.dist)?)$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SUITE = re.compile(r"<testsuite\b[^>]*>(.*?)</testsuite\s*>", re.DOTALL)
_ELEMENT = re.compile(r"<(directory|file|exclude)\b([^>]*)>\s*([^<]*?)\s*</\1\s*>")
_ATTRIBUTE = re.compile(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']")
#: A path with more wildcards would take too long to compare.
_MOST_WILDCARDS = 8


def settings(path: str, content: bytes) -> Settings:
    """The settings in a file."""
    if path.endswith("composer.json"):
        named = ((b'"pestphp/pest"', "pest"), (b'"phpunit/phpunit"', "phpunit"))
        return Settings(tuple(framework for package, framework in named if package in content))
    text = _COMMENT.sub("", content.decode("utf-8", "replace"))
    suites = _SUITE.findall(text)
    patterns = tuple(pattern for suite in suites for pattern in _patterns(path.rpartition("/")[0], suite))
    return Settings(collected=patterns if suites else None)


def _patterns(folder: str, suite: str) -> Iterator[str]:
    elements = [
        (kind, dict(_ATTRIBUTE.findall(rest)), _path(folder, text))
        for kind, rest, text in _ELEMENT.findall(suite)
        if text.count("*") <= _MOST_WILDCARDS
    ]
    excluded = "|".join(text for kind, _, text in elements if kind == "exclude")
    but = f"(?!(?:{excluded})(?:/|$))" if excluded else ""
    for kind, attributes, text in elements:
        if kind == "file":
            yield text
        elif kind == "directory":
            prefix, suffix = attributes.get("prefix", ""), attributes.get("suffix", "Test.php")
            inside = f"{text}/" if text else ""
            yield f"{but}{inside}(?:.*/)?{re.escape(prefix)}[^/]*{re.escape(suffix)}"


def _path(folder: str, text: str) -> str:
    """A pattern for a path as the configuration writes it, relative to its own folder."""
    whole = posixpath.normpath(posixpath.join(folder, text))
    return "" if whole == "." else re.escape(whole).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
