"""A server that passes connections on to another one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@contextlib.asynccontextmanager
async def serving(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """Serve connections at a free port, which this yields; at the end open connections are cut."""
    open_now: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        open_now[task] = writer
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
                await serve(reader, writer)
        finally:
            del open_now[task]

    server = await asyncio.start_server(kept, "127.0.0.1", 0, backlog=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        # Cancelled, the task of a connection makes asyncio complain: it ends with its connection.
        for writer in open_now.values():
            writer.transport.abort()
        await asyncio.gather(*(task for task in open_now if task is not None), return_exceptions=True)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    """Connect to a server and pass everything on until both sides have ended. Raises OSError where it does not listen."""
    server, to_server = await asyncio.open_connection(host, port)
    try:
        await asyncio.gather(_pass(reader, to_server), _pass(server, writer))
    finally:
        to_server.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    if not writer.is_closing():
        with contextlib.suppress(OSError):
            await _end(writer)


async def _end(writer: asyncio.StreamWriter) -> None:
    # TLS knows no half-closed connection.
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
