"""The address under which a client reaches web: for links outside of answers, which cannot be relative."""

import re

from starlette.requests import Request

from sooner.jobs.problem import Invalid, wrong
from sooner.web.http.root import root

_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?", re.ASCII)


def public_address(request: Request) -> str:
    """Scheme, host and root path, as the client sees them; a proxy says in X-Forwarded-Proto and -Host what it changed.

    A client may say so, too: the address serves nobody but itself. Raises Invalid for a host that is none.
    """
    host = _forwarded(request, "x-forwarded-host") or request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise Invalid(
            [wrong("#", "the Host header names no host, by which a mail could name the job's address")]
        )
    said = _forwarded(request, "x-forwarded-proto")
    scheme = said if said in ("http", "https") else request.scope["scheme"]
    return f"{scheme}://{host}{root()}"


def _forwarded(request: Request, name: str) -> str:
    """The value of the proxy that the client connected to: each one behind it appends its own."""
    return request.headers.get(name, "").partition(",")[0].strip()
