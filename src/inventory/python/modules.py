"""Which file of the archive a module's name means."""

from collections import defaultdict
from collections.abc import Iterable

_INIT = "__init__.py"
#: Folders beside a package that hold importable modules of their own.
_SOURCE_FOLDERS = ("", "src", "lib", "Lib", "tests", "test")
#: Modules of the standard library that decide what is a test: an archive of Python itself holds them too.
_OUTSIDE = frozenset({"unittest", "enum", "typing", "dataclasses"})


class Modules:
    """The Python files of an archive, found by the names that other files import them by."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)
        self._found: dict[tuple[str, str], str | None] = {}
        self._by_last: dict[str, list[str]] = defaultdict(list)
        self._names: set[str] = set()
        """All that a first name may be: most imports lead out of the archive, and are not searched for."""
        for path in sorted(self._paths):
            self._by_last[_last(path)].append(path)
            self._names.update(path.removesuffix(".py").split("/"))

    def absolute(self, names: list[str], importer: str) -> str | None:
        """The file of `a.b.c`: the nearest upwards from the importer, else the one with the most folders in common."""
        if names[0] in _OUTSIDE or names[0] not in self._names or names[-1] not in self._by_last:
            return None
        folder = importer.rpartition("/")[0]
        key = (folder, ".".join(names))
        if key not in self._found:
            self._found[key] = self._search(names, folder.split("/") if folder else [])
        return self._found[key]

    def _search(self, names: list[str], folders: list[str]) -> str | None:
        for depth in range(len(folders), -1, -1):
            for source in _SOURCE_FOLDERS:
                prefix = [*folders[:depth], *([source] if source else [])]
                if (found := self._at([*prefix, *names])) is not None:
                    return found
        return self._anywhere(names, folders)

    def relative(self, level: int, names: list[str], importer: str) -> str | None:
        """The file of `names` with `level` leading dots."""
        folders = importer.split("/")[:-1]
        if level - 1 > len(folders):
            return None
        return self._at([*folders[: len(folders) - (level - 1)], *names])

    def inside(self, package: str, name: str) -> str | None:
        """The file of a package's module or package."""
        folder, _, file = package.rpartition("/")
        return self._at([*(folder.split("/") if folder else []), name]) if file == _INIT else None

    def _at(self, parts: list[str]) -> str | None:
        stem = "/".join(parts)
        for path in (f"{stem}/{_INIT}" if stem else _INIT, f"{stem}.py"):
            if path in self._paths:
                return path
        return None

    def _anywhere(self, names: list[str], folders: list[str]) -> str | None:
        stem = "/" + "/".join(names)
        found = [
            path
            for path in self._by_last[names[-1]][:100]
            if f"/{path}".endswith((f"{stem}/{_INIT}", f"{stem}.py"))
        ]
        return max(found, key=lambda path: (_common(path, folders), -path.count("/")), default=None)


def _last(path: str) -> str:
    """The last name of the module that a file holds."""
    folder, _, file = path.rpartition("/")
    return folder.rpartition("/")[2] if file == _INIT else file.removesuffix(".py")


def _common(path: str, folders: list[str]) -> int:
    count = 0
    for mine, theirs in zip(path.split("/"), folders, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
