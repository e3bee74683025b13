"""The answer of a query within a time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def answer(query: Coroutine[Any, Any, T], seconds: float) -> T:
    """The result of a query that may be abandoned. Raises TimeoutError, and the query's errors.

    asyncpg waits until the server confirms a cancellation, but a pooler confirms none of a query that it has not begun:
    this does not wait for asyncpg.
    """
    asking = asyncio.create_task(query)
    try:
        if not (await asyncio.wait([asking], timeout=seconds))[0]:
            raise TimeoutError("it does not answer in time")
        return asking.result()
    finally:
        asking.cancel()
        asking.add_done_callback(_forget)


def _forget(asking: "asyncio.Task[Any]") -> None:
    """Retrieve the exception of an abandoned query, so that asyncio does not log it."""
    if not asking.cancelled():
        asking.exception()
