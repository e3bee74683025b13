"""Clients that take nothing of their answers.

uvicorn closes a connection only when its client has taken everything, however long that takes, and an orderly stop waits
for it. How much a client takes the kernel alone knows: it gives up by itself a connection on which nothing was taken for
as long as TCP_USER_TIMEOUT says (RFC 5482; tcp(7)). Elsewhere than on Linux there is no such option.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

#: nginx gives its clients as long. Event streams resume where they were, and files are asked for by ranges.
STALLED_SECONDS = 60
#: The same while the process ends.
ENDING_SECONDS = 10


async def limit_as_soon_as_it_listens() -> None:
    """Limit every connection from now on. uvicorn begins to listen once the application has started."""
    while not limit(STALLED_SECONDS):  # noqa: ASYNC110 - uvicorn tells no application of it
        await asyncio.sleep(0.1)


def limit(seconds: int) -> bool:
    """Let a connection that stalls end after so many seconds; whether this process listens.

    A connection inherits the option from its listening socket. uvicorn shows nobody either of them, so they are found
    among the process's open files.
    """
    if sys.platform != "linux":
        return True
    ports = [wire.getsockname()[1] for wire in _sockets() if _listens(wire)]
    for wire in _sockets():
        if wire.getsockname()[1] in ports:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
    return bool(ports)


def _sockets() -> Iterator[socket.socket]:
    """This process's TCP sockets."""
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            wire = socket.socket(fileno=int(entry.name))
            try:
                if wire.family in (socket.AF_INET, socket.AF_INET6) and wire.type == socket.SOCK_STREAM:
                    yield wire
            finally:
                wire.detach()


def _listens(wire: socket.socket) -> bool:
    return bool(wire.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
