"""Packages whose modules declare something: one module an actor, one a schedule."""

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType


def import_modules(package: str) -> list[ModuleType]:
    """Every module of a package, imported in the order of their names.

    Raises ImportError for a missing package, and the exceptions of its modules.
    """
    found = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(found.__path__))
    return [importlib.import_module(f"{package}.{name}") for name in names]


def further(variable: str) -> Iterator[str]:
    """The packages that an environment variable names, separated by commas.

    Raises SystemExit(78) after a line on standard error for a name that is no package.
    """
    for name in filter(None, map(str.strip, os.environ.get(variable, "").split(","))):
        if not _is_package(name):
            print(f"{variable}: there is no package {name!r} to import", file=sys.stderr, flush=True)
            raise SystemExit(os.EX_CONFIG)
        yield name


def _is_package(name: str) -> bool:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is not None and found.submodule_search_locations is not None
