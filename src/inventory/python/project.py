"""Which files of an archive hold tests, by the settings that hold for each."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from src.inventory.python.configuration import FILES, Rule, Settings, matches

Ignored = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""By folder: what its conftest ignores, by path and by pattern."""


class Project:
    """An archive's settings: those nearest upwards from a file hold for it."""

    def __init__(self, paths: Iterable[str], written: Iterable[Settings], ignored: Ignored) -> None:
        self._paths = tuple(paths)
        self._root = _leading_folder(self._paths)
        self._written = {settings.folder: settings for settings in written}
        self._default = Settings(folder=self._root)
        self._ignored = ignored
        self._environments = {path.rpartition("/")[0] for path in self._paths if path.endswith("/pyvenv.cfg")}
        self._starts: dict[str, tuple[str, ...]] = {}

    def rule_of(self, path: str) -> Rule | None:
        """By which names the tests in a file are found; None if it is no test file."""
        if not self._environments.isdisjoint(_folders(path)):
            return None
        settings = self._settings(path)
        rule = settings.rule_of(path)
        if rule is None or self._is_ignored(path, settings) or self._is_shut_out(path, settings):
            return None
        return (
            rule
            if any(self._is_reached(path, start, settings) for start in self._starts_of(settings))
            else None
        )

    def _settings(self, path: str) -> Settings:
        return next((self._written[each] for each in _folders(path) if each in self._written), self._default)

    def _starts_of(self, settings: Settings) -> tuple[str, ...]:
        """Where pytest starts: at the `testpaths` that are there, else at the folder of the settings."""
        if settings.folder not in self._starts:
            wanted = [_join(settings.folder, path) for path in settings.paths]
            there = [start for path in wanted for start in self._expanded(path)]
            self._starts[settings.folder] = tuple(there) or (settings.folder,)
        return self._starts[settings.folder]

    def _expanded(self, pattern: str) -> Iterator[str]:
        """The files and folders that a path with wildcards names."""
        depth = pattern.count("/") + 1
        heads = {"/".join(path.split("/")[:depth]) for path in self._paths}
        return (head for head in sorted(heads) if head == pattern or fnmatchcase(head, pattern))

    def _is_reached(self, path: str, start: str, settings: Settings) -> bool:
        if path == start:
            return True
        if not _is_under(path, start):
            return False
        return _may_enter(path, start, settings)

    def _is_shut_out(self, path: str, settings: Settings) -> bool:
        """Whether settings further up keep pytest out of the folder: samples that tests run have settings, too."""
        outer = (self._written[each] for each in _folders(settings.folder) if each in self._written)
        return any(not _may_enter(path, each.folder, each) or self._is_ignored(path, each) for each in outer)

    def _is_ignored(self, path: str, settings: Settings) -> bool:
        if _is_left_out(path, settings.folder, settings.ignored, settings.ignored_globs):
            return True
        return any(
            _is_left_out(path, folder, *self._ignored[folder])
            for folder in _folders(path)
            if folder in self._ignored
        )


def file_of_settings(path: str) -> bool:
    """Whether a path is one of those in which pytest looks for settings."""
    return path.rpartition("/")[2] in FILES


def _leading_folder(paths: tuple[str, ...]) -> str:
    """The folder that holds the whole archive, if one does: its name says nothing."""
    tops = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return tops.pop() if len(tops) == 1 else ""


def _folders(path: str) -> Iterator[str]:
    """The folders of a path, the nearest first, the archive's own last."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _is_under(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _may_enter(path: str, start: str, settings: Settings) -> bool:
    """Whether pytest enters each folder on the way from `start`."""
    folders = path.split("/")[:-1]
    entered = len(start.split("/")) if start else 0
    return not any(
        matches("/".join(folders[: depth + 1]), pattern)
        for depth in range(entered, len(folders))
        for pattern in settings.not_entered
    )


def _join(folder: str, path: str) -> str:
    parts = [part for part in (f"{folder}/{path}").split("/") if part not in ("", ".")]
    return "/".join(parts)


def _is_left_out(path: str, folder: str, ignored: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    """Whether a path, or a folder around it, is ignored."""
    around = [path, *(each for each in _folders(path) if _is_under(each, folder) and each != folder)]
    names = {_join(folder, each) for each in ignored}
    patterns = [_join(folder, each) for each in globs]
    return any(each in names or any(fnmatchcase(each, pattern) for pattern in patterns) for each in around)
