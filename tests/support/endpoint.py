"""An HTTP server of a test: it keeps what it gets, and answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator


#: Another address of this machine: see `tests.support.outside`.
OUTSIDE = "127.0.0.2"


@dataclass(frozen=True)
class Received:
    """One request; header names are in lower case."""

    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Endpoint:
    """`answers` are used up one a request, then it is 204. An answer may have a Location: `(307, "/there")`."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[int | tuple[int, str]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Its address, by name."""
        return f"http://localhost:{self.port}/hook"

    async def requests(self, count: int) -> list[Received]:
        """All it received, once that are `count`. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        answer = self.answers.pop(0) if self.answers else 204
        status, location = answer if isinstance(answer, tuple) else (answer, None)
        more = f"Location: {location}\r\n" if location else ""
        writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        async with self._news:
            self.received.append(Received(first.split()[1], headers, body))
            self._news.notify_all()


@contextlib.asynccontextmanager
async def listening(address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    """A server on this machine, over HTTPS with `tls`."""
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, address, 0, ssl=tls)
    endpoint.port = server.sockets[0].getsockname()[1]
    try:
        yield endpoint
    finally:
        server.close()
        # A handshake that its client broke off may still be under way.
        async with asyncio.timeout(PATIENCE):
            await server.wait_closed()
