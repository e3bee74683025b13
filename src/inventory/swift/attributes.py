"""What the attributes `@Test` and `@Suite` say of a test's status."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from src.inventory.document import Status

_MARKS = {"Test", "Suite"}
_OFF = re.compile(r"\.disabled\b|\.enabled\(if:false\b")


class Attribute(NamedTuple):
    """An attribute: its simple name, and its arguments without blanks."""

    name: str
    arguments: str = ""


def statuses(attributes: Iterable[Attribute]) -> list[Status]:
    """One for each attribute that changes a test's status. A condition counts as if it held."""
    return ["skipped" for each in attributes if _is_off(each)]


def _is_off(attribute: Attribute) -> bool:
    if attribute.name == "available":
        return attribute.arguments.startswith("*,unavailable")
    return attribute.name in _MARKS and bool(_OFF.search(attribute.arguments))


def simple_of(name: str) -> str:
    """A name without its module, the types around it, and its arguments."""
    return name.partition("<")[0].replace("::", ".").rpartition(".")[2].strip().strip("`")
