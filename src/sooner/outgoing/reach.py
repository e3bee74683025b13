"""The check of an address before it is kept: nothing connects there, and the connection checks it again."""

from urllib.parse import urlsplit

from sooner.outgoing.addresses import are_public
from sooner.outgoing.names import literals, look_up
from sooner.outgoing.refusal import Refused

#: How long a name may take to resolve. What takes longer is left to the connection's check.
RESOLVE_SECONDS = 2.0


async def check_reach(url: str) -> None:
    """Raises Refused for an address without TLS, a private IP address in any spelling, and a name that resolves to one."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise Refused.without_tls()
    host = parts.hostname or ""
    if _is_local_name(host) or not are_public(literals(host) or await _look_up(host)):
        raise Refused.private(host)


def _is_local_name(host: str) -> bool:
    """Whether the name stands for the machine itself (RFC 6761, section 6.3)."""
    return f".{host.rstrip('.')}".endswith(".localhost")


async def _look_up(host: str) -> list[str]:
    """The IP addresses behind a name; none where it does not resolve in time."""
    try:
        return await look_up(host, RESOLVE_SECONDS)
    except TimeoutError:
        return []
