"""Packages whose modules declare something: one module an actor, one a schedule."""

import importlib
import os
import pkgutil
import sys
from types import ModuleType

from sooner.process.settings.common import split
from sooner.process.settings.packages import importable


def import_modules(package: str) -> list[ModuleType]:
    """Every module of a package, imported in the order of their names.

    Raises ImportError for a missing package, and the exceptions of its modules.
    """
    found = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(found.__path__))
    return [importlib.import_module(f"{package}.{name}") for name in names]


def further(variable: str) -> tuple[str, ...]:
    """The packages that an environment variable names, separated by commas.

    Raises SystemExit(78) after a line on standard error for a name that is no package.
    """
    try:
        return importable(split(os.environ.get(variable, "")))
    except ValueError as error:
        print(f"{variable}: {error}", file=sys.stderr, flush=True)
        raise SystemExit(os.EX_CONFIG) from None
