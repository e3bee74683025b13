"""How a request came."""

from starlette.requests import Request


def scheme(request: Request) -> str:
    """How the client reached us, or the proxy before us, by that one's word: https or http.

    Any client may say so of itself: good for the flag of its own cookie, and for nothing that protects others.
    """
    said = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return said if said in ("http", "https") else request.url.scheme
