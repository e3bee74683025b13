"""Transactions of several round trips, whose client may stop in their middle."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg

#: A client that stops between two statements (frozen, cut off without a word) keeps its locks this long.
IDLE_SECONDS = 10.0
#: A connection that cannot be rolled back in this time is given up.
ROLLBACK_SECONDS = 2.0


def _bound(seconds: float = IDLE_SECONDS) -> str:
    """The statement after which PostgreSQL ends this transaction, and its session, when its client stays away that long."""
    return f"set local idle_in_transaction_session_timeout = {round(seconds * 1000)}"


@contextlib.asynccontextmanager
async def transaction(
    connection: "asyncpg.Connection[Any]",
    settings: Mapping[str, str] | None = None,
    *,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncIterator[None]:
    """What is done inside happens whole or not at all, under settings that last no longer: begun in one round trip."""
    local = [f"set local {name} = {value}" for name, value in (settings or {}).items()]
    try:
        await connection.execute(";".join(["begin", _bound(idle_seconds), *local]))
        yield
        await connection.execute("commit")
    except BaseException:
        await _roll_back(connection)
        raise


async def _roll_back(connection: "asyncpg.Connection[Any]") -> None:
    """Raises no error in the place of the one that led here: a cancellation would be lost."""
    try:
        async with asyncio.timeout(ROLLBACK_SECONDS):
            await connection.execute("rollback")
    except BaseException as error:
        # The server rolls back what nobody is connected to. A pool that has noticed before us says that it is its own.
        with contextlib.suppress(asyncpg.InterfaceError):
            connection.terminate()
        if not isinstance(error, Exception):
            raise
