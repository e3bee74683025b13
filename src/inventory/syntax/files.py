"""The facts of an archive's files, as a language's second pass asks for them."""

import pickle
import zlib
from collections.abc import Iterator
from typing import Generic, TypeVar

from src.inventory.language import Sources

Facts = TypeVar("Facts")


def packed(facts: object) -> bytes:
    return zlib.compress(pickle.dumps(facts, protocol=pickle.HIGHEST_PROTOCOL), 1)


class Files(Generic[Facts]):
    """What one language found in each of its files."""

    def __init__(self, sources: Sources, paths: list[str]) -> None:
        self._sources = sources
        self.paths = paths
        """The files in which there was something to find, sorted."""
        self.every_path = sources.paths
        """All the files of the archive, sorted."""

    def __getitem__(self, path: str) -> Facts:
        found: Facts = pickle.loads(zlib.decompress(self._sources.summaries[path]))  # noqa: S301 - by `packed`
        return found

    def __contains__(self, path: str) -> bool:
        return path in self._sources.summaries

    def __iter__(self) -> Iterator[tuple[str, Facts]]:
        """Each file with its facts, by path. Tells progress."""
        for count, path in enumerate(self.paths, 1):
            yield path, self[path]
            self._sources.tell(count, len(self.paths))
