"""A client that goes on posting whatever happens, and writes down every id whose acceptance it has read."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

#: Half of the jobs are over at once, half are under way for a while when a fault strikes.
TAKES = (0.0, 0.0, 0.05, 0.3)


class Load:
    """Posts `mark` and `mark_on_thread`, some waited for and some not, from several clients at once.

    An id counts as accepted once its 200 or 202 was read whole, and no sooner: after a refusal or a lost
    connection the next post is another job. `slowest` is how long the longest exchange took, in seconds, however
    it ended; `padding` is how many bytes that no compression shrinks each post carries.
    """

    def __init__(
        self, url: str, key: str, *, clients: int = 8, pause: float = 0.04, padding: int = 0
    ) -> None:
        self.accepted: dict[UUID, dict[str, Any]] = {}
        self.refusals: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )
        self._clients = clients
        self._pause = pause
        self._padding = padding
        self._numbers = itertools.count()
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Condition()
        self._ending = False

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._post_forever()) for _ in range(self._clients)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def more(self, count: int, *, within: float = 180) -> None:
        """Wait until so many more jobs were accepted. Raises TimeoutError."""
        await self._reach(lambda: len(self.accepted), count, within)

    async def refused(self, count: int, *, within: float = 180) -> None:
        """Wait until so many more posts were refused. Raises TimeoutError."""
        await self._reach(self.refusals.total, count, within)

    async def _reach(self, reached: Callable[[], int], more: int, within: float) -> None:
        goal = reached() + more
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: reached() >= goal)

    async def _post_forever(self) -> None:
        while not self._ending:
            began = time.monotonic()
            with contextlib.suppress(httpx.TransportError):
                await self._note(await self._post(next(self._numbers)))
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(random.uniform(0, 2 * self._pause))

    async def _post(self, n: int) -> httpx.Response:
        actor = "mark_on_thread" if n % 4 == 3 else "mark"
        headers = {"Prefer": "respond-async"} if n % 2 else {}
        body: dict[str, Any] = {"seconds": random.choice(TAKES), "n": n}
        if self._padding:
            body["padding"] = secrets.token_hex(self._padding)
        return await self._client.post(f"/jobs/{actor}", json=body, headers=headers)

    async def _note(self, answer: httpx.Response) -> None:
        if answer.status_code in (200, 202):
            document = answer.json()
            async with self._news:
                self.accepted[UUID(document["id"])] = document
                self._news.notify_all()
        elif answer.status_code in (429, 503) and "Retry-After" in answer.headers:
            async with self._news:
                self.refusals[str(answer.status_code)] += 1
                self._news.notify_all()
        else:
            self.wrong.append(f"{answer.status_code} {answer.text}")
