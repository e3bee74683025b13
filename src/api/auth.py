"""Who makes a request."""

from datetime import UTC, datetime
from uuid import UUID

from starlette.requests import Request

from src.api.resources import Resources
from src.api.session import operator
from src.jobs.keys import Caller
from src.jobs.problem import Forbidden, Unauthorized


async def caller(request: Request, scope: str = "jobs") -> Caller:
    """The caller by API key, or by the session that an operator signed in to.

    Raises Unauthorized, or Forbidden where the key lacks the scope.
    """
    who = await _by_key(request) if "authorization" in request.headers else await operator(request)
    if who is None:
        raise Unauthorized("Send an API key: Authorization: Bearer KEY.")
    if scope not in who.scopes and not who.is_admin:
        raise Forbidden(f"This address needs a key with scope {scope}.", scope=scope)
    return who


async def key_holder(request: Request) -> Caller:
    """The caller by API key, for what a token is not good for. Raises Unauthorized and Forbidden."""
    who = await caller(request)
    if who.is_token:
        raise Forbidden("A token is good for jobs and uploads only: this address needs an API key.")
    return who


async def _by_key(request: Request) -> Caller | None:
    resources: Resources = request.app.state.resources
    kind, _, key = request.headers["authorization"].partition(" ")
    return await resources.keys.caller(key.strip()) if kind.lower() == "bearer" and key.strip() else None


async def may_see(request: Request, id: UUID) -> Caller | None:
    """Who asks for a job: a caller, or None for the holder of its signed address.

    Raises Unauthorized for a wrong or expired `access`.
    """
    access = request.query_params.get("access")
    if access is None:
        return await caller(request)
    resources: Resources = request.app.state.resources
    if not resources.links.check(id, access, datetime.now(UTC)):
        raise Unauthorized("The address's access is wrong or has expired.", error="invalid_token")
    return None
