"""Each address accepts the query parameters that its declaration names, and no others."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from sooner.jobs import codec
from sooner.jobs.problem import Invalid, Problem, UnsupportedMediaType, wrong
from sooner.web.auth import caller, key_holder, may_see
from sooner.web.lookup import job_id
from sooner.web.openapi.operation import Operation


class Declared:
    """Refuses query parameters that the operation does not declare, and bodies with a Content-Encoding.

    It checks the credentials before such a refusal, so that strangers learn nothing about the address.
    """

    def __init__(self, app: ASGIApp, operation: Operation) -> None:
        self._app = app
        self._operation = operation
        self._known = [each.name for each in operation.parameters if each.where == "query"]
        if operation.by_address:
            self._known.append("access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal: Problem | None = self._unknown(Request(scope)) if scope["query_string"] else None
        refusal = refusal or (self._coded(Headers(scope=scope)) if self._operation.body else None)
        if refusal is not None and _names_what_is_there(scope):
            await self._authenticate(Request(scope, receive))
            raise refusal
        await self._app(scope, receive, send)

    def _unknown(self, request: Request) -> Invalid | None:
        known = f"known are {', '.join(self._known)}" if self._known else "this address knows none"
        found = [
            wrong(f"#/{codec.escape(name)}", f"there is no query parameter {name!r}: {known}")
            for name in request.query_params
            if name not in self._known
        ]
        return Invalid(found) if found else None

    @staticmethod
    def _coded(headers: Headers) -> UnsupportedMediaType | None:
        codings = {each.strip().lower() for each in ",".join(headers.getlist("content-encoding")).split(",")}
        coded = ", ".join(sorted(codings - {"", "identity"}))
        if not coded:
            return None
        return UnsupportedMediaType(f"A body in Content-Encoding {coded} is not taken: send it without.")

    async def _authenticate(self, request: Request) -> None:
        """Check the credentials as the endpoint itself does. Raises Unauthorized and Forbidden."""
        credentials = self._operation.credentials
        if self._operation.by_address:
            await may_see(request, job_id(request))
        elif credentials == "key":
            await key_holder(request)
        elif credentials is not None:
            await caller(request, credentials)


def _names_what_is_there(scope: Scope) -> bool:
    """Whether the path has a known actor or a possible job id where its route expects them.

    The router takes any text for both. The endpoint itself answers other paths with 404 or 405.
    """
    actors, named = scope["app"].state.resources.actors, scope.get("path_params", {})
    return ("actor" not in named or named["actor"] in actors) and named.get("id") not in actors
