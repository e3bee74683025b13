"""Which classes run and which derive a framework's, by the simple names of all the classes of an archive."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from src.inventory.classes.facts import Class, ClassFacts


class Kin:
    """The classes of an archive. Two of one name are taken for one that is both."""

    def __init__(self, files: Iterable[ClassFacts], roots: re.Pattern[str], outside: re.Pattern[str]) -> None:
        self._roots = roots
        self._outside = outside
        self._bases = defaultdict[str, set[str]](set)
        self._derived = defaultdict[str, set[str]](set)
        self._concrete: set[str] = set()
        self._tested: set[str] = set()
        self._frameworks: dict[str, str] = {}
        for facts in files:
            for each in facts.classes:
                self._add(each, facts.framework)

    def runs(self, each: Class) -> bool:
        """Whether it is no abstract class, or some class that derives it is none."""
        return not each.is_abstract or _any_of(
            self._derived, each.simple_name, lambda name: name in self._concrete
        )

    def is_test_class(self, each: Class) -> bool:
        """Whether it derives a framework's class for tests."""
        return any(self._is_root(name) for name in self._upwards(each))

    def has_tests(self, each: Class) -> bool:
        """Whether it has tests of its own or from a class of the archive."""
        return bool(each.cases) or any(name in self._tested for name in self._upwards(each))

    def framework_of(self, each: Class) -> str:
        """The framework that the files of its bases name."""
        named = (self._frameworks[name] for name in self._upwards(each) if name in self._frameworks)
        return next(named, "")

    def _add(self, each: Class, framework: str) -> None:
        name = each.simple_name
        self._bases[name].update(each.bases)
        for base in each.bases:
            self._derived[base].add(name)
        if not each.is_abstract:
            self._concrete.add(name)
        if each.cases:
            self._tested.add(name)
        if framework:
            self._frameworks.setdefault(name, framework)

    def _is_root(self, name: str) -> bool:
        return bool(self._roots.fullmatch(name)) or (
            name not in self._bases and bool(self._outside.search(name))
        )

    def _upwards(self, each: Class) -> Iterator[str]:
        seen = set[str]()
        pending = list(each.bases)
        while pending:
            name = pending.pop(0)
            if name not in seen:
                seen.add(name)
                yield name
                pending.extend(sorted(self._bases.get(name, ())))


def _any_of(edges: dict[str, set[str]], start: str, holds: Callable[[str], bool]) -> bool:
    seen, pending = {start}, [start]
    while pending:
        for name in edges.get(pending.pop(), ()):
            if holds(name):
                return True
            if name not in seen:
                seen.add(name)
                pending.append(name)
    return False
