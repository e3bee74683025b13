"""Clients that hang up while they wait."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


async def unless_hung_up(request: Request, work: Coroutine[Any, Any, T]) -> tuple[T | None, bool]:
    """The result of `work`, and whether the client hung up first, which cancels `work`.

    The caller has read the request's body before.
    """
    working, leaving = asyncio.create_task(work), asyncio.create_task(_hang_up(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        return (await working, False) if working.done() else (None, True)
    finally:
        working.cancel()
        leaving.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
