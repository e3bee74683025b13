"""TCP ports for servers that are about to start."""

import socket
import sys
from collections import deque
from typing import Final

#: Ports are kept for their servers until so many others were asked for: none of them takes that long to start.
MOST_KEPT: Final = 50

_kept: Final[deque[socket.socket]] = deque()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on, and that nobody else is given as a free one before that changes.

    A server may listen there if it sets SO_REUSEADDR, as servers do. Only Linux lets it while we keep the port (socket(7));
    elsewhere another process may be quicker.
    """
    keeper = socket.socket()
    keeper.bind(("127.0.0.1", 0))
    port = int(keeper.getsockname()[1])
    # Not before the port is ours: two who both set it may be given the same one.
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _kept.append(keeper)
    while len(_kept) > (MOST_KEPT if sys.platform == "linux" else 0):
        _kept.popleft().close()
    return port
