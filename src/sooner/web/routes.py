"""Every address that is answered: the routes of all modules that have any."""

import importlib
import pkgutil

from starlette.routing import BaseRoute

from sooner.web import endpoints, openapi, operators, pages
from sooner.web.endpoint import Endpoint
from sooner.web.pages.pages import Folder

#: The router tries the routes in order, so the most requested come first.
FIRST = "sooner.web.endpoints.jobs"


def _modules() -> list[str]:
    names = {
        f"{package.__name__}.{module.name}"
        for package in (endpoints, openapi, operators, pages)
        for module in pkgutil.iter_modules(package.__path__)
    }
    return sorted(names, key=lambda name: (name != FIRST, name))


def _of(name: str) -> list[BaseRoute]:
    """The routes that a module declares, in the order of their declarations."""
    members = vars(importlib.import_module(name)).values()
    return [each for each in members if isinstance(each, Endpoint | Folder)]


#: A module of these packages adds its routes by having them.
ROUTES: list[BaseRoute] = [route for name in _modules() for route in _of(name)]
