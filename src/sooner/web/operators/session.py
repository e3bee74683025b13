"""Signing in to the operators' page: an admin key becomes a cookie that no script can read."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs import codec
from sooner.jobs.problem import (
    Forbidden,
    Invalid,
    wrong,
)
from sooner.jobs.tenants.locator import locator
from sooner.jobs.tenants.sessions import LIFETIME
from sooner.web.auth import COOKIE, refuse_foreign
from sooner.web.endpoint import endpoint
from sooner.web.http.answers import answer_json
from sooner.web.http.body import read_json
from sooner.web.http.request import scheme
from sooner.web.http.root import root
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body
from sooner.web.resources import Resources


@endpoint(
    "POST",
    "/session",
    scope="public",
    tag="Pages",
    answers={201: Answer("The session, with its end.", schemas.Session, headers=("Set-Cookie",))},
    problems=(400, 401, 403, 413, 415, 422, 503),
    body=Body(
        {"type": "object", "required": ["key"], "properties": {"key": {"type": "string", "minLength": 1}}}
    ),
)
async def sign_in(request: Request) -> Response:
    """An operator signs in with an admin key; the answer's cookie is the session."""
    resources: Resources = request.app.state.resources
    refuse_foreign(request)
    key = await _key(request, resources.settings.max_body_bytes)
    if resources.several:
        who, _ = await resources.residences.caller(key)
    else:
        who = await resources.home.keys.caller(key)
    if not who.is_admin or who.key is None:
        raise Forbidden("The dashboard needs a key with scope admin.")
    whose = locator(who.tenant) if resources.several else ""
    value, ends = resources.sessions.issue(who.key, datetime.now(UTC), whose)
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


@endpoint(
    "DELETE",
    "/session",
    scope="public",
    tag="Pages",
    answers={204: Answer("There is no session any more.", headers=("Set-Cookie",))},
    problems=(403,),
)
async def sign_out(request: Request) -> Response:
    """The browser forgets the cookie."""
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
