"""A TCP proxy in front of PostgreSQL that reads the server's messages (PostgreSQL documentation, chapter 54)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import random
import socket
import struct
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
NOTIFICATION, COMPLETE, READY = b"A", b"C", b"Z"

#: Linux's option for a filter of a socket's packets, and the program of one instruction that drops each of them.
SO_ATTACH_FILTER = 26
DROP = struct.pack("HBBI", 6, 0, 0, 0)


class Proxy:
    """Passes everything through, but for what it is told to.

    `notifications` at False: none reaches a client; `dropped` counts them. `cut` is the chance that an answer,
    whose transaction is committed, does not reach its client: the connection ends instead; `cuts` counts those.
    """

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._server: asyncio.Server
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.notifications = True
        self.dropped = 0
        self.cut = 0.0
        self.cuts = 0
        self.has_cut = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        # Cancelled, a task of a stream's makes asyncio complain: it ends with its connection instead.
        for client in self._serving.values():
            client.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def vanish(self) -> None:
        """From now on no packet reaches this host, and nobody is told: its kernel acknowledges none, either."""
        for end in (
            *self._server.sockets,
            *(client.get_extra_info("socket") for client in self._serving.values()),
        ):
            _drop_packets(end)

    @property
    def url(self) -> str:
        """The database's address through the proxy."""
        port = self._server.sockets[0].getsockname()[1]
        credentials = self._parts.netloc.rpartition("@")[0]
        return self._parts._replace(netloc=f"{credentials}@127.0.0.1:{port}").geturl()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = to_client
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._serving.pop, task)
            stack.callback(to_client.transport.abort)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                hello = await _hello(client, to_client)
                server, to_server = await asyncio.open_connection(self._parts.hostname, self._parts.port)
                stack.callback(to_server.transport.abort)
                to_server.write(hello)
                await _first_of(_pass(client, to_server), self._answer(server, to_client))

    async def _answer(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        held = b""
        while True:
            kind, message = await _message(server)
            if kind == NOTIFICATION and not self.notifications:
                self.dropped += 1
                continue
            if kind == READY and held and random.random() < self.cut:
                # It is ready for the next query: this one is committed. Nobody will be told.
                self.cuts += 1
                self.has_cut.set()
                return
            held += message
            if kind != COMPLETE:
                to_client.write(held)
                await to_client.drain()
                held = b""


def _drop_packets(end: socket.socket) -> None:
    program = ctypes.create_string_buffer(DROP)
    end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


async def _hello(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> bytes:
    while True:
        head = await client.readexactly(8)
        length, code = struct.unpack("!ii", head)
        if code not in (SSL_REQUEST, GSS_REQUEST):
            return head + await client.readexactly(length - 8)
        to_client.write(b"N")


async def _message(server: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await server.readexactly(5)
    return head[:1], head + await server.readexactly(struct.unpack("!i", head[1:])[0] - 4)


async def _first_of(*ways: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
