"""Authentication: the caller of a request."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from starlette.requests import Request

from sooner.jobs.problem import Forbidden, Unauthorized
from sooner.jobs.tenants.keys import Caller
from sooner.web.residence import Residence
from sooner.web.resources import Resources
from sooner.web.shard import Shard

#: An operator's session.
COOKIE = "sooner_session"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def residence_of(request: Request) -> Residence:
    """Where the tenant of a request is whose caller was admitted, among several shards."""
    residence: Residence = request.scope["state"]["residence"]
    return residence


def reside(request: Request, residence: Residence) -> None:
    """Let a request go on where its tenant is."""
    state = request.scope["state"]
    state["residence"], state["shard"] = residence, residence.shard


def shard_of(request: Request) -> Shard:
    """The shard of a request whose caller was admitted."""
    shard: Shard = request.scope["state"]["shard"]
    return shard


def shards_of(request: Request, who: Caller | None) -> Sequence[Shard]:
    """The shards on which the caller's jobs lie: an operator's are everybody's. None is the holder of a signed address.

    A tenant's own shard comes last, behind the one that it has just left.
    """
    resources: Resources = request.app.state.resources
    if who is not None and who.is_admin:
        return list(resources.shards.values())
    return residence_of(request).shards if resources.several else [shard_of(request)]


async def caller(request: Request, scope: str = "jobs") -> Caller:
    """The caller by API key, or by the session that an operator signed in to.

    Raises Unauthorized, or Forbidden where the key lacks the scope.
    """
    resources: Resources = request.app.state.resources
    shard = request.scope["state"]["shard"] = resources.home
    authorization = request.headers.get("authorization")
    if authorization is None:
        who = await operator(request)
    elif not (key := _bearer(authorization)):
        who = None
    elif resources.several:
        who, residence = await resources.residences.caller(key)
        reside(request, residence)
    else:
        keys = shard.keys
        who = keys.remembered(key) or await keys.caller(key)
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
    hint = resources.signed_urls.read(id, access, datetime.now(UTC))
    if hint is None:
        raise Unauthorized(
            "The address's access is wrong or has expired: read the job with an API key for a new one.",
            error="invalid_token",
        )
    if resources.several:
        reside(request, await resources.residences.hinted(hint))
    else:
        request.scope["state"]["shard"] = resources.home
    return None


async def operator(request: Request) -> Caller | None:
    """The operator who signed in; None without a cookie.

    Raises Unauthorized for a session that is over, Forbidden for a forged request.
    """
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        return None
    resources: Resources = request.app.state.resources
    session = resources.sessions.read(cookie, datetime.now(UTC))
    if session is None:
        raise Unauthorized("The session is over: sign in again.")
    if request.method not in SAFE_METHODS:
        refuse_foreign(request)
    if not resources.several:
        return await resources.home.keys.holder(session.key)
    who, residence = await resources.residences.holder(session)
    reside(request, residence)
    return who


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
