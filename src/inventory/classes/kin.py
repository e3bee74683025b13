"""Which classes run and which derive a framework's, by the simple names of all the classes of an archive."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from src.inventory.classes.facts import Class, ClassFacts

_Edges = defaultdict[str, set[str]]


class Kin:
    """The classes of an archive. Two of one name are taken for one that is both.

    Each question is answered for all classes at once: class by class, a long chain of them would take its square.
    """

    def __init__(
        self,
        files: Iterable[ClassFacts],
        roots: re.Pattern[str],
        outside: re.Pattern[str],
        plain: re.Pattern[str],
    ) -> None:
        self._bases = _Edges(set)
        self._derived = _Edges(set)
        self._concrete: set[str] = set()
        self._own_tests: set[str] = set()
        self._marked_tests: set[str] = set()
        self._named: dict[str, str] = {}
        for facts in files:
            for each in facts.classes:
                self._add(each, facts.framework)
        self._running = _reached(self._bases, self._concrete)
        self._tested = _reached(self._derived, self._derivers_of_roots(roots, outside))
        self._of_tested = _reached(self._bases, self._tested)
        self._with_tests = _reached(self._derived, self._own_tests)
        self._with_marked = _reached(self._derived, self._marked_tests)
        self._frameworks = _spread(self._derived, self._named)
        self._plain = plain

    def runs(self, each: Class) -> bool:
        """Whether it is no abstract class, or some class that derives it is none."""
        return not each.is_abstract or each.simple_name in self._running

    def is_test_class(self, each: Class) -> bool:
        """Whether it, or a class that derives it, derives a framework's class for tests."""
        return each.simple_name in self._of_tested

    def has_tests(self, each: Class) -> bool:
        """Whether it has tests of its own or from a class of the archive."""
        return each.simple_name in self._with_tests

    def has_marked_tests(self, each: Class) -> bool:
        """Whether it, or a class that it derives, has tests that are marked as such."""
        return each.simple_name in self._with_marked

    def has_outside_base(self, each: Class) -> bool:
        """Whether a base of its own is not of the archive, and nothing tells what that is."""
        return any(base not in self._bases and not self._plain.fullmatch(base) for base in each.bases)

    def framework_of(self, each: Class) -> str:
        """The framework that the files of its bases name."""
        return self._frameworks.get(each.simple_name, "")

    def _add(self, each: Class, framework: str) -> None:
        name = each.simple_name
        self._bases[name].update(each.bases)
        for base in each.bases:
            self._derived[base].add(name)
        if not each.is_abstract:
            self._concrete.add(name)
        if each.cases:
            self._own_tests.add(name)
        if each.cases and each.is_marked:
            self._marked_tests.add(name)
        if framework:
            self._named.setdefault(name, framework)

    def _derivers_of_roots(self, roots: re.Pattern[str], outside: re.Pattern[str]) -> set[str]:
        found = (name for name in self._derived if roots.fullmatch(name) or self._is_outside(name, outside))
        return {deriver for name in found for deriver in self._derived[name]}

    def _is_outside(self, name: str, pattern: re.Pattern[str]) -> bool:
        return name not in self._bases and bool(pattern.search(name))


def _reached(edges: Mapping[str, set[str]], starts: set[str]) -> set[str]:
    """The starts, and all that the edges lead to from them."""
    return set(_spread(edges, dict.fromkeys(starts, "")))


def _spread(edges: Mapping[str, set[str]], starts: Mapping[str, str]) -> dict[str, str]:
    """What each name has, and those have that the edges lead to from it: the nearest start's."""
    found = dict(starts)
    pending = sorted(found)
    for name in pending:
        for reached in sorted(edges.get(name, ())):
            if reached not in found:
                found[reached] = found[name]
                pending.append(reached)
    return found
