"""TCP ports for servers that are about to start."""

import atexit
import socket
import sys
from collections import deque
from typing import Final

#: A port is kept until so many others were asked for: every server has started by then.
MOST_KEPT: Final = 50

_kept: Final[deque[socket.socket]] = deque()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on, and that no other caller gets before a server listens there.

    A server with SO_REUSEADDR, which servers set, can listen there. Only Linux allows this while we keep the port (socket(7));
    elsewhere another process may be quicker.
    """
    keeper = socket.socket()
    keeper.bind(("127.0.0.1", 0))
    port = int(keeper.getsockname()[1])
    # Set after the port is ours: two sockets that both set it before may get the same port.
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _kept.append(keeper)
    while len(_kept) > (MOST_KEPT if sys.platform == "linux" else 0):
        _kept.popleft().close()
    return port


@atexit.register
def _let_go() -> None:
    while _kept:
        _kept.popleft().close()
