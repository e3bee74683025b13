"""Which files Cargo builds for tests: those that a crate's modules lead to."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from src.inventory.rust.items import Items, Module
from src.inventory.rust.manifest import Manifest, Root, roots

_CHECKSUM = ".cargo-checksum.json"
#: A file that many others include is followed for so many of their folders.
_MOST_FOLDERS = 16


class Links(NamedTuple):
    """What leads from a file to others."""

    modules: tuple[Module, ...] = ()
    included: tuple[str, ...] = ()

    @classmethod
    def of(cls, *found: Items) -> Links:
        """Those of a file, and of what its macros make."""
        modules = tuple(each for items in found for each in items.modules)
        return cls(modules, tuple(each for items in found for each in items.included))


class Crates:
    """The packages of an archive and their crates."""

    def __init__(self, paths: Sequence[str], manifests: Mapping[str, Manifest]) -> None:
        self.paths = set(paths)
        self._manifests = manifests
        vendored = {posixpath.dirname(path) for path in paths if path.endswith(_CHECKSUM)}
        # An archive that is itself such a copy counts.
        self._vendored = vendored if manifests.keys() - vendored else set[str]()
        self.roots = sorted(
            root
            for folder, own in self._by_package(paths).items()
            for root in roots(folder, manifests[folder], own)
        )
        """Those whose tests are run."""

    def package(self, path: str) -> str | None:
        """The folder of the manifest that speaks of a file."""
        while path:
            path = posixpath.dirname(path)
            if path in self._manifests:
                return path
        return None

    def built(self, links: Mapping[str, Links]) -> Built:
        """The files of the crates that libtest runs."""
        return Built(self, links)

    def _by_package(self, paths: Sequence[str]) -> dict[str, list[str]]:
        """The files of each package that is no copy of another project's, relative to its folder."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            folder = self.package(path) if path.endswith(".rs") else None
            if folder is not None and folder not in self._vendored:
                found[folder].append(posixpath.relpath(path, folder or "."))
        return found


class Built:
    """The files that are built."""

    def __init__(self, crates: Crates, links: Mapping[str, Links]) -> None:
        self._crates = crates
        self._links = links
        self._paths = self._reached(root for root in crates.roots if root.has_harness)

    def holds(self, path: str) -> bool:
        """Whether a file is; those of which no manifest speaks are taken for built."""
        return path in self._paths or self._crates.package(path) is None

    def _reached(self, starts: Iterable[Root]) -> set[str]:
        pending: list[tuple[str, str]] = []
        seen: dict[str, set[str]] = defaultdict(set)

        def follow(path: str, inner: str) -> None:
            folders = seen[path]
            if inner not in folders and len(folders) < _MOST_FOLDERS:
                folders.add(inner)
                pending.append((path, inner))

        for root in starts:
            follow(root.path, posixpath.dirname(root.path))
        while pending:
            for path, inner in self._next(*pending.pop()):
                if path in self._crates.paths:
                    follow(path, inner)
        return set(seen)

    def _next(self, path: str, inner: str) -> Iterator[tuple[str, str]]:
        """The files that a file leads to, each with the folder in which its own modules lie."""
        links = self._links.get(path, Links())
        folder = posixpath.dirname(path)
        for text in links.included:
            yield posixpath.normpath(posixpath.join(folder, text)), inner
        for module in links.modules:
            within = posixpath.join(inner, *module.within)
            for text in module.paths:
                at = posixpath.normpath(posixpath.join(within if module.within else folder, text))
                yield at, posixpath.dirname(at)
            below = posixpath.join(within, module.name)
            yield f"{below}.rs", below
            yield f"{below}/mod.rs", below
