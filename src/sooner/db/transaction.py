"""Transactions of several round trips, in the middle of which a client may stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg

#: A client that freezes or loses its network between two statements keeps its locks this long.
IDLE_SECONDS = 10.0
#: A connection that does not roll back in this time is closed.
ROLLBACK_SECONDS = 2.0


def _bound(seconds: float = IDLE_SECONDS) -> str:
    """The statement that makes PostgreSQL end this transaction and its session when the client stops for this long."""
    return f"set local idle_in_transaction_session_timeout = {round(seconds * 1000)}"


@contextlib.asynccontextmanager
async def transaction(
    connection: "asyncpg.Connection[Any]",
    settings: Mapping[str, str] | None = None,
    *,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncIterator[None]:
    """A transaction with local settings, begun in one round trip."""
    local = [f"set local {name} = {value}" for name, value in (settings or {}).items()]
    try:
        await connection.execute(";".join(["begin", _bound(idle_seconds), *local]))
        yield
        await connection.execute("commit")
    except BaseException:
        await _roll_back(connection)
        raise


async def _roll_back(connection: "asyncpg.Connection[Any]") -> None:
    """Roll back without an error of its own, which would replace the one that led here, perhaps a cancellation."""
    try:
        async with asyncio.timeout(ROLLBACK_SECONDS):
            await connection.execute("rollback")
    except BaseException as error:
        # The server rolls a closed connection back. InterfaceError: the pool has taken the connection back already.
        with contextlib.suppress(asyncpg.InterfaceError):
            connection.terminate()
        if not isinstance(error, Exception):
            raise
