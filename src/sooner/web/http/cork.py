"""Answers that leave in one piece."""

import asyncio
import contextlib
import socket
import sys

#: What is held back is sent at once beyond this many bytes, so that a reader's slowness is felt by who writes.
MOST_HELD = 64 * 1024
#: A reader of a connection that is to be closed is given up when it takes nothing for this long.
LINGER_SECONDS = 10

Data = bytes | bytearray | memoryview


class Corked(asyncio.Transport):
    """Sends what is written during a turn of the event loop as one, at the turn's end.

    uvicorn writes an answer's head and its body apart, and uvloop sends each at once: two system calls and two packets
    here, two wake-ups for whoever reads. All that is ready in the same turn goes out together, so a reader of many
    answers that is awake for the first finds the others there. The idea is TCP_CORK's (tcp(7)), without its calls.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[Data] = []
        self._size = 0
        # What else uvicorn asks of a transport is the transport's own.
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]

    def write(self, data: Data) -> None:
        """Hold it until the turn is over."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._size += len(data)
        if self._size > MOST_HELD:
            self._send()

    def close(self) -> None:
        """Send what is held, then close: for as long as its reader takes any of it."""
        self._send()
        if self._transport.get_write_buffer_size():
            self._limit_patience()
        self._transport.close()

    def _limit_patience(self) -> None:
        # A transport that is closed waits for its reader for ever, and the process's end for it. What the reader takes only
        # the kernel sees at once: RFC 5482, tcp(7). Elsewhere than on Linux there is no such option.
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                wire = self._transport.get_extra_info("socket")
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LINGER_SECONDS * 1000)

    def _send(self) -> None:
        held, self._held, self._size = self._held, [], 0
        # A client that has gone meanwhile is told nothing.
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))
