"""The web process of a deployment."""

import importlib

from starlette.types import ASGIApp

from sooner.deployment import broken
from sooner.process import standby
from sooner.process.settings import WebSettings, load
from sooner.web.app import create


def application(package: str) -> ASGIApp:
    """The ASGI application over the actors and schedules of a deployment.

    Raises SystemExit(78) for wrong settings.
    """
    settings = load(WebSettings)
    with broken.logged("web"), standby.loading():
        actors = importlib.import_module(f"{package}.actors").broker.actors
        schedules = importlib.import_module(f"{package}.schedules").declared
        return create(settings, actors, schedules)
