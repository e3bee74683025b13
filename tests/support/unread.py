"""Readers that take nothing."""

from __future__ import annotations

import asyncio
import socket


async def unread(port: int, request: bytes) -> socket.socket:
    """A connection that has asked for something, and takes nothing of the answer unless the test does."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.to_thread(reader.connect, ("127.0.0.1", port))
    reader.sendall(request)
    return reader
