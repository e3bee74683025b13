"""Signing in to the operators' page: an admin key becomes a cookie that no script can read."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sooner.jobs import codec
from sooner.jobs.problem import (
    Forbidden,
    Invalid,
    Unauthorized,
    wrong,
)
from sooner.jobs.tenants.keys import Caller
from sooner.jobs.tenants.sessions import LIFETIME
from sooner.web.http.answers import answer_json
from sooner.web.http.body import read_json
from sooner.web.http.request import scheme
from sooner.web.http.root import root
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body, operation
from sooner.web.resources import Resources

COOKIE = "sooner_session"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@operation(
    tag="Pages",
    answers={201: Answer("The session, with its end.", schemas.Session, headers=("Set-Cookie",))},
    problems=(400, 401, 403, 413, 415, 422, 503),
    body=Body(
        {"type": "object", "required": ["key"], "properties": {"key": {"type": "string", "minLength": 1}}}
    ),
    credentials=None,
)
async def sign_in(request: Request) -> Response:
    """POST /session: an operator signs in with an admin key; the answer's cookie is the session."""
    resources: Resources = request.app.state.resources
    refuse_foreign(request)
    who = await resources.keys.caller(await _key(request, resources.settings.max_body_bytes))
    if not who.is_admin or who.key is None:
        raise Forbidden("The dashboard needs a key with scope admin.")
    value, ends = resources.sessions.issue(who.key, datetime.now(UTC))
    response = answer_json({"expires_at": ends}, 201)
    response.set_cookie(
        COOKIE,
        value,
        max_age=int(LIFETIME.total_seconds()),
        path=root() or "/",
        secure=scheme(request) == "https",
        httponly=True,
        samesite="strict",
    )
    return response


@operation(
    tag="Pages",
    answers={204: Answer("There is no session any more.", headers=("Set-Cookie",))},
    problems=(403,),
    credentials=None,
)
async def sign_out(request: Request) -> Response:
    """DELETE /session: the browser forgets the cookie."""
    refuse_foreign(request)
    response = Response(status_code=204)
    response.delete_cookie(
        COOKIE, path=root() or "/", secure=scheme(request) == "https", httponly=True, samesite="strict"
    )
    return response


async def _key(request: Request, most: int) -> str:
    key = codec.read_object(await read_json(request, most)).get("key")
    if not isinstance(key, str) or not key.strip():
        raise Invalid([wrong("#/key", "an API key is needed")])
    return key.strip()


async def operator(request: Request) -> Caller | None:
    """The operator who signed in; None without a cookie.

    Raises Unauthorized for a session that is over, Forbidden for a forged request.
    """
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        return None
    resources: Resources = request.app.state.resources
    key = resources.sessions.read(cookie, datetime.now(UTC))
    if key is None:
        raise Unauthorized("The session is over: sign in again.")
    if request.method not in SAFE_METHODS:
        refuse_foreign(request)
    return await resources.keys.holder(key)


def refuse_foreign(request: Request) -> None:
    """Raises Forbidden for a request that a page of another origin made (OWASP, Cross-Site Request Forgery Prevention).

    The cookie is SameSite=Strict; this check also refuses other origins of the same site. Browsers send
    Sec-Fetch-Site, older browsers Origin. A client that sends neither is no browser, so no page can have tricked it
    into sending its cookie.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host")
    if foreign:
        raise Forbidden("A page of another origin made this request: use the dashboard's own page.")


ROUTES = [
    Route("/session", sign_in, methods=["POST"]),
    Route("/session", sign_out, methods=["DELETE"]),
]
