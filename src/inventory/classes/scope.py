"""The settings that hold for a file: those of the nearest folder upwards that says something."""

import re
from collections.abc import Iterable, Iterator

from src.inventory.classes.facts import Settings


class Scope:
    """Settings by folder."""

    def __init__(self, found: Iterable[tuple[str, Settings]]) -> None:
        self._frameworks: dict[str, tuple[str, ...]] = {}
        self._folders: set[str] = set()
        patterns: list[str] = []
        for path, settings in found:
            folder = path.rpartition("/")[0]
            self._frameworks[folder] = self._frameworks.get(folder, ()) + settings.frameworks
            if settings.collected is not None:
                self._folders.add(folder)
                patterns += settings.collected
        self._patterns = [re.compile(each) for each in patterns]

    def frameworks(self, path: str) -> tuple[str, ...]:
        """The frameworks that the nearest settings name; none if none do."""
        named = (self._frameworks.get(folder) for folder in _folders(path))
        return next(filter(None, named), ())

    def collects(self, path: str) -> bool | None:
        """Whether settings say that a file is run; None if no settings speak of its folder."""
        if any(each.fullmatch(path) for each in self._patterns):
            return True
        return False if any(folder in self._folders for folder in _folders(path)) else None


def _folders(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path
