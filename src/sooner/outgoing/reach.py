"""The check of an address before it is kept: nothing connects there, and the connection checks it again."""

import asyncio
import socket
import threading
from concurrent.futures import Future
from functools import cache
from ipaddress import ip_address
from queue import SimpleQueue
from urllib.parse import urlsplit

from sooner.outgoing.addresses import is_public
from sooner.outgoing.refusal import Refused

#: How long a name may take to resolve, and how many do so at once. What takes longer is left to the connection's check.
RESOLVE_SECONDS = 2.0
LOOK_UPS_AT_ONCE = 2

#: A name, and the future of its IP addresses.
LookUp = tuple[str, Future[list[str]]]


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
    looking: Future[list[str]] = Future()
    _waiting().put((host, looking))
    try:
        return await asyncio.wait_for(asyncio.wrap_future(looking), RESOLVE_SECONDS)
    except TimeoutError:
        return []


def _resolved(host: str, flags: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, ValueError):
        return []
    return [str(entry[4][0]) for entry in found]


@cache
def _waiting() -> "SimpleQueue[LookUp]":
    """The names to look up, on threads of their own.

    Names that somebody chose to be slow hold up neither the loop's threads, which resolve the database's, nor the process's end.
    """
    waiting: SimpleQueue[LookUp] = SimpleQueue()
    for _ in range(LOOK_UPS_AT_ONCE):
        threading.Thread(target=_look_up_forever, args=(waiting,), name="resolve", daemon=True).start()
    return waiting


def _look_up_forever(waiting: "SimpleQueue[LookUp]") -> None:
    while True:
        host, looking = waiting.get()
        if looking.set_running_or_notify_cancel():
            looking.set_result(_resolved(host, 0))
