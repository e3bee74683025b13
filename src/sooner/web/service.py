"""The ASGI application around Starlette's router."""

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Message, Receive, Scope, Send

from sooner.process import logs
from sooner.process.metrics import note_request
from sooner.web.http import access
from sooner.web.http.compression import Compressing, coding
from sooner.web.http.correlation import correlate
from sooner.web.http.linger import answer_early
from sooner.web.http.problems import problem_of, response
from sooner.web.http.root import root


class BrokenOff(Exception):
    """Raised by an answer that has begun, to break it off: its client sees that it is not whole."""


Refuse = Callable[[Request, Exception], Awaitable[Response]]


class Service:
    """Starlette's router with one thin layer around it, where Starlette's application has four.

    Each request gets its ids. Every exception becomes a problem document, without a stack trace.
    `refuse` answers a request that no route takes.
    """

    def __init__(self, routes: Sequence[BaseRoute], lifespan: Any, refuse: Refuse) -> None:
        self._router = Router(routes, redirect_slashes=False, lifespan=lifespan)
        self._refuse = refuse
        self.state = State()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        began = perf_counter()
        fields = Headers(scope=scope)
        request_id, traceparent = correlate(fields)
        state = scope.setdefault("state", {})
        state["request_id"], state["traceparent"] = request_id, traceparent
        logs.belong(request_id=request_id, traceparent=traceparent)
        if (accepted := fields.get("accept-encoding")) and (name := coding(accepted)):
            send = Compressing(send, name)
        answering = _Answering(send, request_id)
        try:
            if _has_a_slash_too_many(scope["path"].removeprefix(root())):
                raise HTTPException(404)
            await self._router(scope, receive, answering)
        except BrokenOff:
            pass
        except Exception as error:
            if answering.status:
                raise
            problem = await self._problem(Request(scope, receive), error)
            await answer_early(problem, scope, receive, answering)
        finally:
            route = scope.get("route")
            path = route.path if isinstance(route, Route) else "none"
            took = perf_counter() - began
            note_request(scope["method"], path, answering.status, took)
            access.note(scope, None if path == "none" else path, answering.status, took)

    async def _problem(self, request: Request, error: Exception) -> Response:
        try:
            return await self._refuse(request, error)
        except Exception as worse:  # noqa: BLE001 - the client gets it as a problem
            return response(problem_of(worse))


def _has_a_slash_too_many(path: str) -> bool:
    """Whether the path has an empty part: no address has one, but the static files would ignore it."""
    return "//" in path or (path.endswith("/") and path != "/")


class _Answering:
    """Sends an answer: adds the request's id and remembers the status."""

    __slots__ = ("_id", "_send", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._id = (b"x-request-id", request_id.encode())
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"].append(self._id)
        await self._send(message)
