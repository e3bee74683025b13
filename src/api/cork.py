"""Answers that leave in one piece."""

import asyncio

#: What is held back is sent at once beyond this many bytes, so that a reader's slowness is felt by who writes.
MOST_HELD = 64 * 1024

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
        """Send what is held, then close."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is held is lost."""
        self._held, self._size = [], 0
        self._transport.abort()

    def _send(self) -> None:
        held, self._held, self._size = self._held, [], 0
        # A client that has gone meanwhile is told nothing.
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))
