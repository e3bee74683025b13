"""Group commit: concurrent callers share one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

from sooner.db.retry import TenantMoves, Unavailable

T = TypeVar("T")
R = TypeVar("R")

#: The most characters in one statement, unless a single item has more: many large items would fill the memory, and
#: PostgreSQL hangs up on a message of 1 GiB.
TOGETHER = 8 << 20


def fitting(lengths: Iterable[int]) -> int:
    """The number of items, from the first on, that one statement takes: all, or as many as fit into `TOGETHER`."""
    count = total = 0
    for count, length in enumerate(lengths, start=1):
        total += length
        if total > TOGETHER and count > 1:
            return count - 1
    return count


class Group(Generic[T, R]):
    """Serves many concurrent calls by few statements.

    While one statement runs, new callers gather; the next statement serves all of them. So the round trips a call fall
    as load grows, and a lone caller never waits for others. The idea is group commit
    (DeWitt et al., "Implementation Techniques for Main Memory Database Systems", SIGMOD 1984).

    `execute` gets the items and returns their results in order; a result that is an exception is raised to its own
    caller alone. Where `execute` raises anything but that the database is away, each item is tried by itself, so that a faulty
    item harms no other. `length` returns an item's characters where they may be many. `rest` returns the seconds of a pause after a
    statement of so many items: callers gather for that long, and have the process to themselves. With `at_once` a caller
    that finds no statement running begins its own before it yields to others, two turns of the loop sooner; where it stops
    waiting, that statement ends, too.
    """

    def __init__(
        self,
        execute: Callable[[Sequence[T]], Awaitable[Sequence[R | BaseException]]],
        *,
        limit: int = 200,
        length: Callable[[T], int] = lambda _: 0,
        rest: Callable[[int], float] | None = None,
        at_once: bool = False,
    ) -> None:
        self._execute = execute
        self._limit = limit
        self._length = length
        self._rest = rest
        self._at_once = at_once
        self._is_alone = False
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        """The result for one item. Raises the exception that `execute` raised or returned for it."""
        if self._at_once and self._running is None and not self._is_alone:
            return await self._alone(item)
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None and not self._is_alone:
            self._running = asyncio.create_task(self._run())
        return await future

    async def _alone(self, item: T) -> R:
        self._is_alone = True
        try:
            [result] = await self._results([item])
        finally:
            self._is_alone = False
            if self._waiting:
                self._running = asyncio.create_task(self._run())
        if isinstance(result, BaseException):
            raise result
        return result

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = fitting(self._length(item) for item, _ in self._waiting[: self._limit])
                batch, self._waiting = self._waiting[:size], self._waiting[size:]
                await self._serve(batch)
                if self._rest is not None:
                    await asyncio.sleep(self._rest(size))
        finally:
            self._running = None

    async def _serve(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        results = await self._results([item for item, _ in batch])
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _results(self, items: Sequence[T]) -> Sequence[R | BaseException]:
        try:
            return await self._execute(items)
        except Exception as error:  # noqa: BLE001 - it is raised to each caller
            if len(items) == 1 or (isinstance(error, Unavailable) and not isinstance(error, TenantMoves)):
                return [error] * len(items)
        return [result for item in items for result in await self._results([item])]
