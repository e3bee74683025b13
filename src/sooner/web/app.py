"""The ASGI application."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from sooner.jobs.problem import MethodNotAllowed, NotFound
from sooner.periodic import Schedule
from sooner.process import garbage, logs, telemetry
from sooner.process.settings import WebSettings
from sooner.web.auth import caller
from sooner.web.endpoint import Endpoint
from sooner.web.http import stalled
from sooner.web.http.cors import Cors
from sooner.web.http.problems import problem_of, response
from sooner.web.http.request_spans import RequestSpans
from sooner.web.http.root import Rooted, root
from sooner.web.pages.pages import Folder
from sooner.web.resources import Resources
from sooner.web.routes import ROUTES
from sooner.web.service import Service

#: Every other path answers 401 without credentials, so that strangers do not learn which paths exist.
PUBLIC = frozenset(
    route.path for route in ROUTES if isinstance(route, Endpoint) and route.operation.scope == "public"
)
PUBLIC_FOLDERS = tuple(
    f"{route.path}/" for route in ROUTES if isinstance(route, Folder) and "{" not in route.path
)


def create(settings: WebSettings, actors: Mapping[str, Any], schedules: Mapping[str, Schedule]) -> ASGIApp:
    """The application for these settings; its lifespan opens and closes its resources.

    `actors` and `schedules` are the deployment's, by name.
    """
    logs.configure("web", format=settings.log_format, level=settings.log_level)
    tracing = telemetry.begin("web", settings.traces_endpoint)
    resources = Resources(settings, actors, schedules)

    @asynccontextmanager
    async def lifespan(app: Service) -> AsyncIterator[None]:
        await resources.open()
        _release_at_sigterm(resources)
        limiting = asyncio.create_task(stalled.limit_as_soon_as_it_listens())
        garbage.settle()
        try:
            yield
        finally:
            limiting.cancel()
            await resources.close()
            if tracing is not None:
                await asyncio.to_thread(tracing.end)

    app = application(resources, lifespan)
    return app if tracing is None else RequestSpans(app, tracing)


def application(resources: Resources, lifespan: Any = None) -> ASGIApp:
    """The application on these resources, which its lifespan opens, or whoever calls this."""
    settings = resources.settings
    service = Service(ROUTES, lifespan, _refuse)
    service.state.resources = resources
    app: ASGIApp = Cors(service, settings.cors_allow_origins) if settings.cors_allow_origins else service
    return Rooted(app, settings.root_path)


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer an exception with its problem. Raises Unauthorized where the path is unknown and credentials are missing."""
    path = request.url.path.removeprefix(root())
    if isinstance(error, HTTPException) and not (path in PUBLIC or path.startswith(PUBLIC_FOLDERS)):
        await caller(request)
    if isinstance(error, HTTPException) and error.status_code == 405:
        methods = _allowed(request)
        error = MethodNotAllowed(", ".join(methods)) if methods else NotFound()
    return response(problem_of(error))


def _allowed(request: Request) -> list[str]:
    """The methods of all routes that match the path; the router names those of the first match alone."""
    resources: Resources = request.app.state.resources
    methods: set[str] = set()
    # The router has written the parameters and the root path of the first match into the scope.
    asked = {**request.scope, "path_params": {}, "root_path": root()}
    for route in ROUTES:
        match, scope = route.matches(asked)
        if match is not Match.NONE and isinstance(route, Route) and _names(resources, scope["path_params"]):
            methods |= route.methods or set()
        elif match is not Match.NONE and isinstance(route, Folder):
            methods |= {"GET", "HEAD"}
    return sorted(methods)


def _names(resources: Resources, params: Mapping[str, str]) -> bool:
    """Whether the path has a known actor or a UUID where its route expects them: the router takes any text for both."""
    with contextlib.suppress(ValueError):
        return params.get("actor", "") in {"", *resources.actors} and (
            "id" not in params or bool(UUID(params["id"]))
        )
    return False


def _release_at_sigterm(resources: Resources) -> None:
    """At SIGTERM, answer requests that wait for a job with their 202: the server waits for all open exchanges."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)

    def release(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(resources.release)
        loop.call_soon_threadsafe(stalled.limit, stalled.ENDING_SECONDS)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, release)
