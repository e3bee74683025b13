"""The check of an address before it is kept: nothing connects there, and the connection checks it again."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from sooner.outgoing.addresses import is_public
from sooner.outgoing.refusal import Refused

#: How long a name may take to resolve, and how many do so at once. What takes longer is left to the connection's check.
RESOLVE_SECONDS = 2.0
LOOK_UPS_AT_ONCE = 2


async def check_reach(url: str) -> None:
    """Raises Refused for an address without TLS, a private IP address in any spelling, and a name that resolves to one."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise Refused.without_tls()
    host = parts.hostname or ""
    found = [] if _is_local_name(host) else _literals(host) or await _look_up(host)
    if _is_local_name(host) or not all(map(is_public, map(ip_address, found))):
        raise Refused.private(host)


def _is_local_name(host: str) -> bool:
    """Whether the name stands for the machine itself (RFC 6761, section 6.3)."""
    return f".{host.rstrip('.')}".endswith(".localhost")


def _literals(host: str) -> list[str]:
    """The IP address that the host is, as the resolver reads it (127.1 is 127.0.0.1); none for a name."""
    return _resolved(host.rstrip("."), socket.AI_NUMERICHOST)


async def _look_up(host: str) -> list[str]:
    """The IP addresses behind a name; none where it does not resolve in time."""
    looking = asyncio.get_running_loop().run_in_executor(_threads(), _resolved, host, 0)
    try:
        return await asyncio.wait_for(looking, RESOLVE_SECONDS)
    except TimeoutError:
        return []


def _resolved(host: str, flags: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads of their own: names that somebody chose to be slow must not hold up the loop's, which resolve the database's."""
    return ThreadPoolExecutor(LOOK_UPS_AT_ONCE, "resolve")
