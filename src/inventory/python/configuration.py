"""pytest's settings, from the files in which it looks for them."""

import configparser
import shlex
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

#: In the order in which pytest looks; the first that has settings is the only one it reads.
FILES = (
    *("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"),
    *("pyproject.toml", "tox.ini", "setup.cfg"),
)
_DEFAULT_FILES = ("test_*.py", "*_test.py")
_NOT_ENTERED = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
_UNITTEST_FILES = ("test*.py",)
_SECTIONS = {"tox.ini": "pytest", "setup.cfg": "tool:pytest"}


@dataclass(frozen=True, slots=True)
class Rule:
    """By which names tests are found. `is_unittest` means unittest's: its classes alone."""

    functions: tuple[str, ...] = ("test",)
    classes: tuple[str, ...] = ("Test",)
    is_unittest: bool = False

    def is_function(self, name: str) -> bool:
        """Whether a function by this name is a test."""
        return not self.is_unittest and _begins(name, self.functions)

    def is_class(self, name: str) -> bool:
        """Whether a class by this name holds tests, whatever its bases."""
        return not self.is_unittest and _begins(name, self.classes)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one project's settings for pytest say; `folder` is where they are. Without a file they are the defaults."""

    folder: str = ""
    is_written: bool = False
    files: tuple[str, ...] = _DEFAULT_FILES
    rule: Rule = Rule()
    paths: tuple[str, ...] = ()
    not_entered: tuple[str, ...] = _NOT_ENTERED
    ignored: tuple[str, ...] = ()
    ignored_globs: tuple[str, ...] = ()

    def rule_of(self, path: str) -> Rule | None:
        """The rule for a file by its name alone; None if it is no test file."""
        if any(matches(path, pattern) for pattern in self.files):
            return self.rule
        if not self.is_written and any(matches(path, pattern) for pattern in _UNITTEST_FILES):
            stem = path.rpartition("/")[2].removesuffix(".py")
            return Rule(is_unittest=True) if stem.isidentifier() else None
        return None


def settings(name: str, folder: str, content: bytes) -> Settings | None:
    """The settings in a file; None if it has none for pytest. Raises ValueError if it cannot be read."""
    values = _toml(name, content) if name.endswith(".toml") else _ini(name, content)
    if values is None:
        return None
    options = _words(values.get("addopts"))
    default = Settings()
    return Settings(
        folder=folder,
        is_written=True,
        files=_words(values.get("python_files")) or default.files,
        rule=Rule(
            functions=_words(values.get("python_functions")) or default.rule.functions,
            classes=_words(values.get("python_classes")) or default.rule.classes,
        ),
        paths=_words(values.get("testpaths")),
        not_entered=_words(values.get("norecursedirs")) or default.not_entered,
        ignored=_given(options, "--ignore"),
        ignored_globs=_given(options, "--ignore-glob"),
    )


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern fits a path's last name, or with a slash in it the path's end."""
    if "/" not in pattern:
        return fnmatchcase(path.rpartition("/")[2], pattern)
    return fnmatchcase(f"/{path}", f"*/{pattern.removeprefix('./')}")


def _begins(name: str, patterns: tuple[str, ...]) -> bool:
    return any(
        name.startswith(pattern) or (any(each in pattern for each in "*?[") and fnmatchcase(name, pattern))
        for pattern in patterns
    )


def _toml(name: str, content: bytes) -> dict[str, Any] | None:
    document = tomllib.loads(content.decode())
    if name != "pyproject.toml":
        return _table(document.get("pytest")) or {}
    tool = _table(_table(document.get("tool") or {}).get("pytest"))
    return _table(tool["ini_options"]) if "ini_options" in tool else tool or None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _ini(name: str, content: bytes) -> dict[str, Any] | None:
    parser = configparser.RawConfigParser(
        strict=False,
        allow_no_value=True,
        delimiters=("=", ":"),
        comment_prefixes=("#", ";"),
        default_section="\0",
    )
    try:
        parser.read_string(content.decode())
    except configparser.Error as error:
        raise ValueError(error.message.splitlines()[0]) from error
    section = _SECTIONS.get(name, "pytest")
    if parser.has_section(section):
        return dict(parser.items(section))
    return {} if name in ("pytest.ini", ".pytest.ini") else None


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    if not isinstance(value, str):
        return ()
    lines = (line for line in value.splitlines() if not line.lstrip().startswith("#"))
    return tuple(shlex.split("\n".join(lines)))


def _given(options: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The values of an option, in either spelling."""
    joined = [each.partition("=")[2] for each in options if each.startswith(f"{name}=")]
    apart = [value for each, value in pairwise(options) if each == name]
    return (*joined, *apart)
