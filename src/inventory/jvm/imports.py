"""Which framework the imports of a JVM file name, and which annotations are its tests."""

from collections.abc import Iterable
from typing import NamedTuple

#: By the beginning of an import's name; of two frameworks in one file the earlier one is it.
_PACKAGES = (
    ("io.kotest.core.", "kotest"),
    ("org.junit.jupiter.", "junit5"),
    ("org.testng.", "testng"),
    ("org.junit.", "junit4"),
    ("junit.framework.", "junit4"),
    ("kotlin.test.", "kotlin-test"),
)
_FRAMEWORKS = tuple(dict.fromkeys(framework for _, framework in _PACKAGES))
#: Packages whose names begin like a framework's, and tell nothing.
_NEUTRAL = ("org.junit.platform.", "org.junit.jupiter.api.Assertions", "org.junit.Assert")
TESTS = frozenset(
    {
        "Test",
        "ParameterizedTest",
        "RepeatedTest",
        "TestFactory",
        "TestTemplate",
        "Theory",
        "CartesianTest",
        "RetryingTest",
    }
)


class Imports(NamedTuple):
    """A file's imports: simple names to whole ones, and packages that are imported whole."""

    names: dict[str, str]
    packages: tuple[str, ...]

    def framework(self, used: Iterable[str]) -> str:
        """The framework of a file whose tests have these annotations; empty if no import names one."""
        every = [*self.names.values(), *(f"{each}." for each in self.packages)]
        known = _known([self.whole(each) for each in used]) or _known(every)
        return min(known, key=_FRAMEWORKS.index, default="")

    def is_test(self, annotation: str) -> bool:
        """Whether an annotation, as it is written, marks a test."""
        whole = self.whole(annotation)
        return simple_of(whole) in TESTS and (
            "." not in whole or bool(framework_of(whole)) or simple_of(whole) != "Test"
        )

    def whole(self, name: str) -> str:
        """A name with its package, if an import gives it."""
        return self.names.get(name, name)


def framework_of(name: str) -> str:
    """The framework that a whole name belongs to."""
    return next((framework for package, framework in _PACKAGES if name.startswith(package)), "")


def simple_of(name: str) -> str:
    return name.rpartition(".")[2]


def _known(names: list[str]) -> set[str]:
    telling = [name for name in names if not name.startswith(_NEUTRAL)] or names
    return {framework for name in telling if (framework := framework_of(name))}
