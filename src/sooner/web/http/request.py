"""The scheme of a request."""

from starlette.requests import Request


def scheme(request: Request) -> str:
    """The scheme, https or http, by which the client reached the proxy in front of us, or us.

    A client can forge X-Forwarded-Proto: use this for the client's own cookie, and never to protect others.
    """
    said = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return said if said in ("http", "https") else request.url.scheme
