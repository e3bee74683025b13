"""The ASGI application around Starlette's router."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Message, Receive, Scope, Send

from sooner.process import logs
from sooner.process.metrics import note_request
from sooner.web.http.correlation import correlate
from sooner.web.http.linger import answer_early
from sooner.web.http.problems import problem_of, response
from sooner.web.http.request import FIELDS, LightRequest, fields_of

Handle = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[Request, Exception], Awaitable[Response]]


class Service:
    """Starlette's router with one thin layer around it, where Starlette's application has four.

    Each request gets its ids; whatever is raised becomes a problem document and lets no stack trace out.
    `refuse` answers what no route takes. `known` are methods and paths that are asked for often: what the router
    makes of them is looked up instead of found out each time.
    """

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        lifespan: Any,
        refuse: Refuse,
        known: Iterable[tuple[str, str]] = (),
    ) -> None:
        for route in routes:
            if isinstance(route, Route):
                route.app = _Direct(route.endpoint)
        self._router = Router(routes, lifespan=lifespan)
        self._known = {(method, path): _matched(routes, method, path) for method, path in known}
        self._refuse = refuse
        self.state = State()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        began = perf_counter()
        fields = fields_of(scope)
        request_id, traceparent = correlate(fields)
        state = scope.setdefault("state", {})
        state["request_id"], state["traceparent"] = request_id, traceparent
        logs.belong(request_id=request_id, traceparent=traceparent)
        answering = _Answering(send, request_id)
        try:
            matched = self._known.get((scope["method"], scope["path"]))
            if matched is None:
                await self._router(scope, receive, answering)
            else:
                scope.update(matched)
                answer = await matched["endpoint"](LightRequest(scope, receive, send, fields))
                await answer(scope, receive, answering.with_id(answer))
        except Exception as error:
            if answering.status:
                raise
            problem = await self._problem(Request(scope, receive), error)
            await answer_early(problem, scope, receive, answering)
        finally:
            route = scope.get("route")
            path = route.path if isinstance(route, Route) else "none"
            note_request(scope["method"], path, answering.status, perf_counter() - began)

    async def _problem(self, request: Request, error: Exception) -> Response:
        try:
            return await self._refuse(request, error)
        except Exception as worse:  # noqa: BLE001 - it is told to the client as a problem
            return response(problem_of(worse))


class _Answering:
    """What an answer is sent by: it adds the request's id, and takes note of the status."""

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

    def with_id(self, answer: Response) -> Send:
        """The same for an answer that is there already: what sends it need not look at its messages."""
        self.status = answer.status_code
        answer.raw_headers.append(self._id)
        return self._send


def _matched(routes: Sequence[BaseRoute], method: str, path: str) -> Mapping[str, Any]:
    """What the router would add to the scope of such a request. Raises LookupError where no route takes it."""
    scope = {"type": "http", "method": method, "path": path, "root_path": ""}
    for route in routes:
        match, added = route.matches(scope)
        if match is Match.FULL:
            return {"route": route, **added}
    raise LookupError(f"no route for {method} {path}")


class _Direct:
    """Calls a handler without Starlette's own layer for exceptions: `Service` has them all."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._handle(LightRequest(scope, receive, send, scope[FIELDS]))
        await answer(scope, receive, send)
