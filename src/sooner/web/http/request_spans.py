"""One span a request (OpenTelemetry's semantic conventions for HTTP servers)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sooner.web.http.request import scheme

if TYPE_CHECKING:
    from sooner.process.telemetry.tracing import Tracing

CONTEXT = (b"traceparent", b"tracestate")

#: Clients may invent any number of other methods.
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})

#: Characters of a path, which may be as long as the server accepts.
LONGEST_PATH = 500


class RequestSpans:
    """An application whose requests are spans. Within, a request's traceparent is its span's.

    A span has the path of an address and not its query, which may be a job's capability.
    """

    def __init__(self, app: ASGIApp, tracing: "Tracing") -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        status, error = 0, None
        span = self._tracing.begin("server", method, _context_of(scope["headers"]))
        scope["headers"] = [
            *(header for header in scope["headers"] if header[0] not in CONTEXT),
            (b"traceparent", span.traceparent.encode()),
        ]

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as raised:
            error = type(raised).__name__
            raise
        finally:
            route = scope.get("route")
            attributes = {
                "http.request.method": "_OTHER" if method == "HTTP" else method,
                "url.path": scope["path"][:LONGEST_PATH],
                "url.scheme": scheme(Request(scope)),
                **({"http.response.status_code": status} if status else {}),
                **({"http.route": route.path} if isinstance(route, Route) else {}),
            }
            name = f"{method} {route.path}" if isinstance(route, Route) else None
            span.end(attributes, name=name, error=error or _error(status))


def _context_of(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str | None]:
    return {name.decode(): value.decode("latin-1") for name, value in headers if name in CONTEXT}


def _error(status: int) -> str | None:
    """The error of a failed request; a client that hangs up before its answer makes none."""
    return str(status) if status >= 500 else None
