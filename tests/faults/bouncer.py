"""PgBouncer in transaction mode in front of a server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ops.local.postgres import free_port, server_account

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

#: Debian keeps it where a user's PATH does not lead.
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

# Nothing is ignored and little is shared: what needs a session of its own shows at once.
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
"""


@contextlib.asynccontextmanager
async def bouncer(url: str, folder: Path) -> AsyncIterator[str]:
    """A PgBouncer in front of the server of this address: the address of the same database through it."""
    parts, port = urlsplit(url), free_port()
    file = folder / "pgbouncer.ini"
    file.write_text(
        CONFIGURATION.format(
            host=parts.hostname, port=parts.port, user=parts.username, password=parts.password, own_port=port
        )
    )
    process = await asyncio.create_subprocess_exec(str(PROGRAM), *_account(), "-q", str(file))
    try:
        await _answers(port)
        yield parts._replace(netloc=f"{parts.username}:any@127.0.0.1:{port}").geturl()
    finally:
        process.kill()
        await process.wait()


def _account() -> list[str]:
    account = server_account()
    return ["-u", account.pw_name] if account else []


async def _answers(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)
