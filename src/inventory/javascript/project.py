"""Which framework runs a file, by the settings of the folders around it."""

import posixpath
from collections.abc import Iterable, Iterator

from src.inventory.javascript.globs import matches, searches
from src.inventory.javascript.settings import DEFAULTS, Rule

#: Of frameworks that all take a file, the first one runs it: those whose patterns are narrow come first.
_ORDER = (
    "cypress",
    "playwright",
    "vitest",
    "jest",
    "mocha",
    "jasmine",
    "ava",
    "tap",
    "tape",
    "qunit",
    "uvu",
    "node:test",
)
#: Where no settings are: a file named like a test is one.
_NAMED = (*DEFAULTS["jest"], *DEFAULTS["vitest"], "**/*.cy.[jt]s?(x)")
_BY_FOLDER = ("**/test/**/*", "**/tests/**/*", "**/spec/**/*")


def is_named_like_a_test(path: str) -> bool:
    return any(matches(pattern, path) for pattern in _NAMED)


class Project:
    """The settings of a whole archive."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[str, list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.folder, []).append(rule)

    def framework_of(self, path: str, imported: str, hint: str) -> str:
        """The framework that runs a file; "" for a file that none does.

        Args:
            path: the file.
            imported: the framework that it imports, or "". A command line for node:test may name what a build makes of it.
            hint: a framework whose globals it uses, or "".
        """
        is_ruled = False
        for folder in _folders(path):
            rules = _effective(self._rules.get(folder, ()), imported)
            if not rules:
                continue
            is_ruled = True
            taking = {rule.framework for rule in rules if _takes(rule, path)}
            if taking:
                return hint if hint in taking else min(taking, key=_rank)
            if any(rule.names_files for rule in rules):
                return imported if imported == "node:test" and is_named_like_a_test(path) else ""
        return "" if is_ruled else _by_itself(path, imported, hint)


def _by_itself(path: str, imported: str, hint: str) -> str:
    """The framework of a file for which no settings hold."""
    if imported:
        return imported
    if matches("**/*.cy.[jt]s?(x)", path):
        return "cypress"
    if is_named_like_a_test(path):
        return hint or "jest"
    return hint or "mocha" if any(matches(pattern, path) for pattern in _BY_FOLDER) else ""


def _folders(path: str) -> Iterator[str]:
    """The folders around a file, from the nearest to the archive itself."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _effective(rules: Iterable[Rule], imported: str) -> list[Rule]:
    """The rules that hold in a folder: a dependency alone says nothing where the framework has settings."""
    found = [rule for rule in rules if not imported or rule.framework == imported]
    settled = {rule.framework for rule in found if not rule.is_bare}
    return [rule for rule in found if not rule.is_bare or rule.framework not in settled]


def _takes(rule: Rule, path: str) -> bool:
    below = path[len(rule.folder) :].lstrip("/") if rule.folder else path
    if rule.folder and not path.startswith(f"{rule.folder}/"):
        return False
    if rule.roots and not any(_is_below(root, below) for root in rule.roots):
        return False
    if any(matches(each, below) for each in rule.exclude):
        return False
    if any(searches(each, f"/{below}") for each in rule.exclude_regexes):
        return False
    if any(searches(each, f"/{below}") for each in rule.include_regexes):
        return True
    include = rule.include or (() if rule.include_regexes else DEFAULTS.get(rule.framework, ("**/*",)))
    return any(matches(each, below) for each in include)


def _is_below(root: str, path: str) -> bool:
    plain = posixpath.normpath(root)
    return plain == "." or path.startswith(f"{plain}/")


def _rank(framework: str) -> int:
    return _ORDER.index(framework) if framework in _ORDER else len(_ORDER)
