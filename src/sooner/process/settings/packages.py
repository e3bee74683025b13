"""Packages whose modules a deployment loads beside its own: ACTORS and SCHEDULES."""

import importlib.util
from typing import Annotated

from pydantic import AfterValidator

from sooner.process.settings.common import Several


def importable(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of packages. Raises ValueError for a name that is no package."""
    for name in names:
        if not _is_package(name):
            raise ValueError(f"there is no package {name!r} to import")
    return names


def _is_package(name: str) -> bool:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is not None and found.submodule_search_locations is not None


Packages = Annotated[Several[str], AfterValidator(importable)]
