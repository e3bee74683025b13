"""Authentication: the caller of a request."""

from datetime import UTC, datetime
from uuid import UUID

from starlette.requests import Request

from sooner.jobs.problem import Forbidden, Unauthorized
from sooner.jobs.tenants.keys import Caller
from sooner.web.operators.session import operator
from sooner.web.resources import Resources


async def caller(request: Request, scope: str = "jobs") -> Caller:
    """The caller by API key, or by the session that an operator signed in to.

    Raises Unauthorized, or Forbidden where the key lacks the scope.
    """
    resources: Resources = request.app.state.resources
    authorization = request.headers.get("authorization")
    if authorization is None:
        who = await operator(request)
    else:
        key = _bearer(authorization)
        keys = resources.keys
        who = keys.remembered(key) or await keys.caller(key) if key else None
    if who is None:
        raise Unauthorized("Send an API key: Authorization: Bearer KEY.")
    request.scope["state"]["tenant"] = who.tenant
    if scope not in who.scopes and not who.is_admin:
        raise Forbidden(f"This address needs a key with scope {scope}.", scope=scope)
    return who


async def key_holder(request: Request) -> Caller:
    """The caller, by an API key and not by a token. Raises Unauthorized and Forbidden."""
    who = await caller(request)
    if who.is_token:
        raise Forbidden("A token is good for jobs and uploads only: this address needs an API key.")
    return who


def _bearer(authorization: str) -> str:
    """The key of an Authorization field (RFC 6750, section 2.1); empty where there is none."""
    kind, _, key = authorization.partition(" ")
    return key.strip() if kind.lower() == "bearer" else ""


async def may_see(request: Request, id: UUID) -> Caller | None:
    """The caller who asks for a job, or None for the holder of its signed address.

    Raises Unauthorized for a wrong or expired `access`.
    """
    access = request.query_params.get("access")
    if access is None:
        return await caller(request)
    resources: Resources = request.app.state.resources
    if not resources.signed_urls.check(id, access, datetime.now(UTC)):
        raise Unauthorized(
            "The address's access is wrong or has expired: read the job with an API key for a new one.",
            error="invalid_token",
        )
    return None
