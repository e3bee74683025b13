"""Packages whose modules a deployment loads beside its own: ACTORS and SCHEDULES."""

import importlib.util
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def packages(text: str) -> tuple[str, ...]:
    """The names in a text, which has commas between them. Raises ValueError for a name that is no package."""
    names = tuple(filter(None, map(str.strip, text.split(","))))
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


def _read(value: object) -> object:
    return packages(value) if isinstance(value, str) else value


Packages = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_read)]
