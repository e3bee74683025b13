"""Which attributes mark tests, of which frameworks, and what they say of a test's status."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from src.inventory.document import Status

_NUNIT = {"Test", "TestCase", "TestCaseSource"}
_NAMESPACES = (
    ("xunit", "Xunit"),
    ("nunit", "NUnit"),
    ("mstest", "Microsoft.VisualStudio.TestTools.UnitTesting"),
)
_SKIP = re.compile(r"\bSkip=(?!null\b)")
_SKIPS = {"Ignore", "Explicit"}


class Attribute(NamedTuple):
    """An attribute: its whole name as far as the file gives it, and its arguments without blanks."""

    name: str
    arguments: str = ""

    @property
    def simple(self) -> str:
        return self.name.rpartition(".")[2].removesuffix("Attribute")


def frameworks_of(attribute: Attribute) -> tuple[str, ...]:
    """The frameworks for which an attribute marks a test, the likelier one first."""
    name = attribute.simple
    able: tuple[str, ...] = ()
    if name in _NUNIT:
        able = ("nunit",)
    elif name.endswith("TestMethod"):
        able = ("mstest",)
    elif name == "Theory":
        able = ("xunit", "nunit")
    elif name.endswith(("Fact", "Theory")):
        able = ("xunit",)
    if "." not in attribute.name or name.endswith(("Fact", "Theory")):
        return able
    return tuple(each for each in named([attribute.name]) if able)


def named(names: Iterable[str]) -> tuple[str, ...]:
    """The frameworks that namespaces belong to."""
    every = tuple(names)
    return tuple(
        framework for framework, space in _NAMESPACES if any(each.startswith(space) for each in every)
    )


def statuses(attributes: Iterable[Attribute]) -> list[Status]:
    """One for each attribute that changes a test's status. A condition counts as if it held."""
    return [
        "skipped"
        for each in attributes
        if each.simple in _SKIPS or (frameworks_of(each) and _SKIP.search(each.arguments))
    ]
