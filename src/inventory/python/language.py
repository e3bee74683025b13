"""Python tests, counted in the sources by the rules of pytest, unittest, Django and trial.

Each file gives a summary, and the summaries together give the tests: a class's bases, a test's marks and the settings
may lie in other files.
"""

import pickle
import re
import zlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

from src.inventory.document import Entry
from src.inventory.language import Sources, Tests
from src.inventory.python.collection import Collection
from src.inventory.python.configuration import FILES, Rule, Settings, settings
from src.inventory.python.facts import Module
from src.inventory.python.modules import Modules
from src.inventory.python.project import Project, file_of_settings
from src.inventory.python.reader import summary
from src.inventory.python.resolver import Resolver
from src.inventory.unreadable import SourceUnreadable

#: What a file holds that is likely to matter; others are read once a test file names them.
_LIKELY = re.compile(rb"unittest|TestCase|pytest|def test|class Test|trial")
#: How far test files may lead to files that lead to files.
_MOST_ROUNDS = 8
_MOST_UNPACKED = 1024
#: The leading folder is the archive's own, whatever its name.
_NEVER_ENTERED = re.compile(r"/(\.git|\.tox|\.nox|\.venv|\.eggs|node_modules|__pycache__)/")


class Python:
    """The language `python` with the frameworks `pytest` and `unittest`."""

    name = "python"
    reads_again = True

    def wants(self, path: str) -> bool:
        """Whether it is a Python file, or one with settings for pytest."""
        if _NEVER_ENTERED.search(path):
            return False
        return path.endswith(".py") or file_of_settings(path)

    def is_needed(self, path: str, content: bytes) -> bool:
        """Whether a file is likely to hold tests, or what tests derive."""
        name = path.rpartition("/")[2]
        return not name.endswith(".py") or name == "conftest.py" or bool(_LIKELY.search(content))

    def read(self, path: str, content: bytes) -> bytes:
        """The summary of a module, or the settings in a file. Raises SourceUnreadable if it does not parse."""
        found = _settings(path, content) if file_of_settings(path) else summary(content)
        return zlib.compress(pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL), 1)

    def tests(self, sources: Sources) -> Tests:
        """The tests of an archive, in as many rounds as test files lead to further files."""
        summaries = _Summaries(sources)
        project = Project(sources.paths, summaries.settings(), summaries.ignored())
        modules = [path for path in sources.paths if path.endswith(".py") and self.wants(path)]
        candidates = {path: rule for path in modules if (rule := project.rule_of(path))}
        collection = Collection(Resolver(Modules(modules), summaries.module, sources.unreadable))
        _collect(collection, candidates, sources, summaries)
        unreadable = {path: sources.unreadable[path] for path in candidates if path in sources.unreadable}
        unreadable.update(summaries.unreadable_settings())
        return Tests(_entries(collection, candidates), unreadable, collection.undecided())


class _Summaries:
    """What was read, unpacked."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._module = lru_cache(maxsize=_MOST_UNPACKED)(self._unpacked)

    def load(self, paths: AbstractSet[str]) -> None:
        """Read further files."""
        self._sources.load(paths)

    def module(self, path: str) -> Module | None:
        """The summary of a module; None where there is none."""
        return self._module(path) if path in self._sources.summaries else None

    def settings(self) -> Iterator[Settings]:
        """Those of each folder, from the first file that has any."""
        folders: set[str] = set()
        for path in sorted(filter(file_of_settings, self._sources.summaries), key=_precedence):
            folder = path.rpartition("/")[0]
            found = _unpacked(self._sources.summaries[path])
            if isinstance(found, Settings) and folder not in folders:
                folders.add(folder)
                yield found

    def ignored(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """What each folder's conftest ignores."""
        found = {}
        for path in self._sources.summaries:
            folder, _, name = path.rpartition("/")
            if name == "conftest.py" and (module := self.module(path)) and any(module.ignored):
                found[folder] = module.ignored
        return found

    def unreadable_settings(self) -> dict[str, str]:
        """Files of settings that could not be read."""
        return {path: reason for path, reason in self._sources.unreadable.items() if file_of_settings(path)}

    def _unpacked(self, path: str) -> Module | None:
        found = _unpacked(self._sources.summaries[path])
        return found if isinstance(found, Module) else None


def _collect(
    collection: Collection, candidates: dict[str, Rule], sources: Sources, summaries: _Summaries
) -> None:
    pending = list(candidates)
    for turn in range(_MOST_ROUNDS):
        collection.is_last = turn == _MOST_ROUNDS - 1
        blocked, missing = [], set[str]()
        for count, path in enumerate(pending):
            if wanted := collection.collect(path, candidates[path]):
                blocked.append(path)
                missing |= wanted
            sources.tell(len(candidates) - len(pending) + count + 1 - len(blocked), len(candidates))
        if not blocked:
            return
        summaries.load(missing)
        collection.forget()
        pending = blocked


def _entries(collection: Collection, candidates: dict[str, Rule]) -> Iterator[Entry]:
    for path in sorted(collection.found):
        if entry := collection.entry(
            path, is_test_file=path in candidates and not candidates[path].is_unittest
        ):
            yield entry


def _settings(path: str, content: bytes) -> Settings | None:
    if b"pytest" not in content and not path.endswith("pytest.ini"):
        return None
    folder, _, name = path.rpartition("/")
    try:
        return settings(name, folder, content)
    except (ValueError, RecursionError) as error:
        reason = f"has settings for pytest that cannot be read: {error}"
        raise SourceUnreadable(reason[:200]) from error


def _precedence(path: str) -> tuple[str, int]:
    folder, _, name = path.rpartition("/")
    return folder, FILES.index(name)


def _unpacked(packed: bytes) -> Module | Settings | None:
    found = pickle.loads(zlib.decompress(packed))  # noqa: S301 - packed by `read`, by this program itself
    return found if isinstance(found, Module | Settings) else None
