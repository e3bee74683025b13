"""TLS in front of a PostgreSQL that speaks none, as platforms offer theirs: encrypted sessions alone."""

from __future__ import annotations

import contextlib
import ssl
import struct
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trustme

from ops.rehearsal.pump import pump, serving

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

#: PostgreSQL documentation, chapter 54.7: SSLRequest.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@contextlib.asynccontextmanager
async def encrypted(url: str) -> AsyncIterator[str]:
    """The address of a database behind TLS, with the scheme that platforms give: `postgres://`."""
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        # A session that asks for no TLS, and a request to cancel, is hung up on.
        if await client.readexactly(len(SSL_REQUEST)) == SSL_REQUEST:
            to_client.write(b"S")
            await to_client.start_tls(context)
            await pump(client, to_client, parts.hostname or "", parts.port or 5432)

    async with serving(serve) as port:
        credentials = parts.netloc.rpartition("@")[0]
        yield f"postgres://{credentials}@127.0.0.1:{port}{parts.path}?sslmode=require"
