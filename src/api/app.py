"""The ASGI application."""

import asyncio
import importlib
import pkgutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

import src.api
from src import actors, garbage, logs
from src.api.auth import caller
from src.api.problems import problem_of, response
from src.api.resources import Resources
from src.api.service import Service
from src.jobs.declare import JobActor
from src.settings import WebSettings

#: A module of this package adds its routes by having them.
ROUTES: list[BaseRoute] = [
    route
    for module in pkgutil.iter_modules(src.api.__path__)
    if module.name != "app"
    for route in getattr(importlib.import_module(f"src.api.{module.name}"), "ROUTES", ())
]

#: Beside what starts with these nothing is answered without credentials, not even that it is not there.
OPEN = ("/static/",)
OPEN_PATHS = frozenset({"/", "/livez", "/readyz", "/openapi.json", "/docs", "/dashboard", "/session"})


def create(settings: WebSettings) -> Service:
    """The application for these settings; its lifespan opens what it needs."""
    logs.configure("web", format=settings.log_format, level=settings.log_level)
    resources = Resources.make(settings, offered(settings))

    @asynccontextmanager
    async def lifespan(app: Service) -> AsyncIterator[None]:
        await resources.open()
        _release_at_sigterm(resources)
        garbage.settle()
        try:
            yield
        finally:
            await resources.close()

    app = Service(ROUTES, lifespan, _refuse)
    app.state.resources = resources
    return app


def offered(settings: WebSettings) -> dict[str, JobActor]:
    """The actors that can be asked for over HTTP."""
    return {
        name: actor
        for name, actor in actors.broker.actors.items()
        if isinstance(actor, JobActor)
        and not actor.declaration.internal
        and (settings.diagnostics or not actor.declaration.diagnostic)
    }


async def _refuse(request: Request, error: Exception) -> Response:
    """The problem of what was raised. Raises Unauthorized where no route takes it and it lacks credentials too."""
    if isinstance(error, HTTPException) and not (
        request.url.path in OPEN_PATHS or request.url.path.startswith(OPEN)
    ):
        await caller(request)
    return response(problem_of(error))


def _release_at_sigterm(resources: Resources) -> None:
    """The server waits for the exchanges under way; those that wait for a job are to end now, with their 202."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)

    def release(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(resources.watch.release)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, release)
