"""Every address that is answered: the routes of all modules that have any."""

import importlib
import pkgutil
from typing import Any

from starlette.routing import BaseRoute, Route

from sooner.web import endpoints, openapi, operators, pages
from sooner.web.declared import Declared
from sooner.web.pages.pages import FILE, Folder

#: The router tries the routes in order, so the most requested come first.
FIRST = "sooner.web.endpoints.jobs"


def _modules() -> list[str]:
    names = {
        f"{package.__name__}.{module.name}"
        for package in (endpoints, openapi, operators, pages)
        for module in pkgutil.iter_modules(package.__path__)
    }
    return sorted(names, key=lambda name: (name != FIRST, name))


#: A module of these packages adds its routes by having them.
ROUTES: list[BaseRoute] = [
    route for name in _modules() for route in getattr(importlib.import_module(name), "ROUTES", ())
]
for each in ROUTES:
    if isinstance(each, Route):
        endpoint: Any = each.endpoint
        each.app = Declared(each.app, endpoint.operation)
    elif isinstance(each, Folder):
        each.app = Declared(each.app, FILE)
