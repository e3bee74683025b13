"""An endpoint: a route with its description, which admits requests by the scope that the description names."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sooner.jobs import codec
from sooner.jobs.problem import Invalid, NotFound, UnsupportedMediaType, wrong
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import caller, key_holder, may_see
from sooner.web.holders import turn_to_holder
from sooner.web.lookup import job_id
from sooner.web.moves import wherever
from sooner.web.openapi.operation import Answer, Body, Operation, Parameter, Scope
from sooner.web.resources import Resources

#: Takes a request, and its caller unless the endpoint is public.
Handler = Callable[..., Awaitable[Response]]
Admission = Callable[[Request], Awaitable[Caller | None]]


class Endpoint(Route):
    """A route whose handler runs for admitted requests alone."""

    def __init__(
        self, method: Literal["GET", "POST", "DELETE"], path: str, handler: Handler, operation: Operation
    ) -> None:
        self.operation = operation
        is_of_job = path.startswith("/jobs/{id}")
        answer = _admitting(handler, operation, is_of_job=is_of_job)
        super().__init__(path, answer, methods=[method], name=handler.__name__)


def endpoint(
    method: Literal["GET", "POST", "DELETE"],
    path: str,
    *,
    scope: Scope,
    tag: str,
    answers: Mapping[int, Answer],
    problems: tuple[int, ...] = (),
    parameters: tuple[Parameter, ...] = (),
    body: Body | None = None,
    by_address: bool = False,
) -> Callable[[Handler], Endpoint]:
    """Declare an endpoint, see `Operation`. Its name is its handler's, its summary and details are the handler's docstring.

    The handler takes the request and the caller, who is None for the holder of a job's signed address. The handler of a
    public endpoint takes the request alone.
    """

    def declare(handler: Handler) -> Endpoint:
        first, _, rest = (handler.__doc__ or "").strip().partition("\n")
        text = (first.rstrip("."), rest.strip())
        return Endpoint(
            method,
            path,
            handler,
            Operation(
                handler.__name__,
                answers,
                tag,
                scope,
                problems,
                parameters,
                body,
                by_address=by_address,
                text=text,
            ),
        )

    return declare


def _admitting(
    handler: Handler, operation: Operation, *, is_of_job: bool
) -> Callable[[Request], Awaitable[Response]]:
    """The handler behind the check of credentials and of what the operation does not declare."""
    admit = _admission(operation)

    async def answer(request: Request) -> Response:
        # Strangers learn nothing about an address, so the credentials come first.
        if admit is None:
            refuse_undeclared(request, operation)
            return await handler(request)
        resources: Resources = request.app.state.resources
        if resources.several:
            return await wherever(request, lambda: answer_there(admit, request))
        who = await admit(request)
        refuse_undeclared(request, operation)
        return await handler(request, who)

    async def answer_there(admit: Admission, request: Request) -> Response:
        who = request.scope["state"]["who"] = await admit(request)
        refuse_undeclared(request, operation)
        if is_of_job:
            await turn_to_holder(request, who)
        return await handler(request, who)

    return answer


def _admission(operation: Operation) -> Admission | None:
    """Returns the caller of a request. Raises Unauthorized and Forbidden. None for a public endpoint."""
    scope = operation.scope
    if operation.by_address:
        return _by_address
    if scope == "public":
        return None
    return key_holder if scope == "key" else lambda request: caller(request, scope)


async def _by_address(request: Request) -> Caller | None:
    try:
        id = job_id(request)
    except NotFound:
        # No address is signed for it, and strangers do not learn that it is not there.
        return await caller(request)
    return await may_see(request, id)


def refuse_undeclared(request: Request, operation: Operation) -> None:
    """Raises Invalid for query parameters that the operation does not declare, UnsupportedMediaType for a coded body."""
    if request.scope["query_string"] and _names_what_is_there(request):
        _refuse_parameters(request, operation)
    if operation.body is not None and "content-encoding" in request.headers and _names_what_is_there(request):
        _refuse_coding(request.headers)


def _refuse_parameters(request: Request, operation: Operation) -> None:
    names = operation.query
    known = f"known are {', '.join(names)}" if names else "this address knows none"
    found = [
        wrong(f"#/{codec.escape(name)}", f"there is no query parameter {name!r}: {known}")
        for name in request.query_params
        if name not in names
    ]
    if found:
        raise Invalid(found)


def _refuse_coding(headers: Headers) -> None:
    codings = {each.strip().lower() for each in ",".join(headers.getlist("content-encoding")).split(",")}
    if coded := ", ".join(sorted(codings - {"", "identity"})):
        raise UnsupportedMediaType(f"A body in Content-Encoding {coded} is not taken: send it without.")


def _names_what_is_there(request: Request) -> bool:
    """Whether the path has a known actor or a possible job id where its route expects them.

    The router takes any text for both. The endpoint itself answers other paths with 404 or 405.
    """
    resources: Resources = request.app.state.resources
    actors, named = resources.actors, request.path_params
    return ("actor" not in named or named["actor"] in actors) and named.get("id") not in actors
