"""Waiting for what processes write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tenacity

from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    import asyncpg


async def until(db: asyncpg.Connection, query: str, *arguments: object, timeout: float = PATIENCE) -> Any:
    """The query's single value, as soon as it is true.

    Raises:
        TimeoutError: it did not become true in time.
    """
    looking = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(lambda value: not value),
        wait=tenacity.wait_fixed(0.02),
        stop=tenacity.stop_after_delay(timeout),
    )
    try:
        return await looking(db.fetchval, query, *arguments)
    except tenacity.RetryError as error:
        raise TimeoutError(f"still {error.last_attempt.result()!r}: {query}") from None
