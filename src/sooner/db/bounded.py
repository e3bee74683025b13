"""The answer of a query within a time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def answer(query: Coroutine[Any, Any, T], seconds: float, *, steps: int = 1) -> T:
    """The result of a query that may be abandoned. Raises TimeoutError, and the query's errors.

    The time passes in so many `steps`: a moment in which this process stood still takes one of them at most.

    asyncpg waits until the server confirms a cancellation, but a pooler confirms none of a query that it has not begun:
    this does not wait for asyncpg.
    """
    asking = asyncio.create_task(query)
    try:
        for _ in range(steps):
            if (await asyncio.wait([asking], timeout=seconds / steps))[0]:
                return asking.result()
        raise TimeoutError("it does not answer in time")
    finally:
        abandon(asking)


def abandon(asking: "asyncio.Task[Any]") -> None:
    """Cancel a query for which nobody waits any more; asyncio does not log how it ends."""
    asking.cancel()
    asking.add_done_callback(_forget)


def _forget(asking: "asyncio.Task[Any]") -> None:
    """Retrieve the exception of an abandoned query, so that asyncio does not log it."""
    if not asking.cancelled():
        asking.exception()
