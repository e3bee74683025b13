"""The ASGI application around Starlette's router."""

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Message, Receive, Scope, Send

from src import logs
from src.api.correlation import correlate
from src.api.linger import answer_early
from src.api.problems import problem_of, response
from src.metrics import note_request

Refuse = Callable[[Request, Exception], Awaitable[Response]]


class Service:
    """Starlette's router with one thin layer around it, where Starlette's application has four.

    Each request gets its ids; whatever is raised becomes a problem document and lets no stack trace out.
    `refuse` answers what no route takes.
    """

    def __init__(self, routes: Sequence[BaseRoute], lifespan: Any, refuse: Refuse) -> None:
        for route in routes:
            if isinstance(route, Route):
                route.app = _Direct(route.endpoint)
        self._router = Router(routes, lifespan=lifespan)
        self._refuse = refuse
        self.state = State()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        request_id, traceparent = correlate(scope["headers"])
        state = scope.setdefault("state", {})
        state["request_id"], state["traceparent"] = request_id, traceparent
        logs.belong(request_id=request_id, traceparent=traceparent)
        await self._answer(scope, receive, send, (b"x-request-id", request_id.encode()))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, header: tuple[bytes, bytes]) -> None:
        began, status = perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append(header)
            await send(message)

        try:
            await self._router(scope, receive, answer)
        except Exception as error:
            if status:
                raise
            problem = await self._problem(Request(scope, receive), error)
            await answer_early(problem, scope, receive, answer)
        finally:
            route = scope.get("route")
            path = route.path if isinstance(route, Route) else "none"
            note_request(scope["method"], path, status, perf_counter() - began)

    async def _problem(self, request: Request, error: Exception) -> Response:
        try:
            return await self._refuse(request, error)
        except Exception as worse:  # noqa: BLE001 - it is told to the client as a problem
            return response(problem_of(worse))


class _Fields(Headers):
    """Header fields in a dictionary: Starlette's search them all at each look, and a handler looks a dozen times."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._values: dict[str, list[str]] = {}
        for name, value in self.raw:
            self._values.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))

    def __getitem__(self, key: str) -> str:
        return self._values[key.lower()][0]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._values

    def get(self, key: str, default: Any = None) -> Any:
        return self._values.get(key.lower(), (default,))[0]

    def getlist(self, key: str) -> list[str]:
        return self._values.get(key.lower(), [])


class _Request(Request):
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self._headers = _Fields(scope)


class _Direct:
    """Calls a handler without Starlette's own layer for exceptions: `Service` has them all."""

    def __init__(self, handle: Callable[[Request], Awaitable[Response]]) -> None:
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._handle(_Request(scope, receive, send))
        await answer(scope, receive, send)
