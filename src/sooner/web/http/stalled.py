"""Clients that do not read their answers.

uvicorn keeps a connection until its client has read everything, however long that takes, and an orderly stop waits for
it. Only the kernel knows how much a client has read: with TCP_USER_TIMEOUT (RFC 5482; tcp(7)) it gives up a connection
whose client reads nothing for so long. Only Linux has this option.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

#: nginx's default. A client can resume an event stream, and ask for the rest of a file by a range.
STALLED_SECONDS = 60
#: The same while the process ends.
ENDING_SECONDS = 10


async def limit_as_soon_as_it_listens() -> None:
    """Limit every connection from now on. uvicorn begins to listen once the application has started."""
    while not limit(STALLED_SECONDS):  # noqa: ASYNC110 - uvicorn tells no application of it
        await asyncio.sleep(0.1)


def limit(seconds: int) -> bool:
    """End connections that stall for so many seconds; the result says whether this process listens.

    A connection inherits the option from its listening socket. uvicorn exposes neither of them, so they are looked up
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
