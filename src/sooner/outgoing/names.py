"""Names of hosts: their IP addresses, looked up on threads of their own."""

import asyncio
import re
import socket
import threading
from concurrent.futures import Future
from functools import cache
from queue import SimpleQueue

#: The look-ups at once in a process; further names wait.
AT_ONCE = 8

_HOST = re.compile(r"[0-9a-z._:-]+")

#: A name, and the future of its IP addresses.
LookUp = tuple[str, Future[list[str]]]


def is_host(host: str) -> bool:
    """Whether a text has the form of a name in ASCII, or of an IP address."""
    return _HOST.fullmatch(host) is not None


async def look_up(host: str, seconds: float) -> list[str]:
    """The IP addresses behind a name, each once; none where it does not resolve. Raises TimeoutError after `seconds`."""
    looking: Future[list[str]] = Future()
    _waiting().put((host, looking))
    return await asyncio.wait_for(asyncio.wrap_future(looking), seconds)


def literals(host: str) -> list[str]:
    """The IP address that the host is, as the resolver reads it (127.1 is 127.0.0.1); none for a name."""
    return _resolved(host.rstrip("."), socket.AI_NUMERICHOST)


def _resolved(host: str, flags: int = 0) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, ValueError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _waiting() -> "SimpleQueue[LookUp]":
    """The names to look up.

    Names that somebody chose to be slow hold up neither the loop's threads, which resolve the database's, nor the process's end.
    """
    waiting: SimpleQueue[LookUp] = SimpleQueue()
    for _ in range(AT_ONCE):
        threading.Thread(target=_look_up_forever, args=(waiting,), name="resolve", daemon=True).start()
    return waiting


def _look_up_forever(waiting: "SimpleQueue[LookUp]") -> None:
    while True:
        host, looking = waiting.get()
        if looking.set_running_or_notify_cancel():
            looking.set_result(_resolved(host))
