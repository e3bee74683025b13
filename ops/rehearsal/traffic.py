"""Requests at a steady rate, whatever becomes of them, and what becomes of their jobs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import Self
from uuid import UUID

import asyncpg
import httpx

#: The most requests without an answer.
MOST_OPEN = 200
#: A client gives up after the time after which routers do.
PATIENCE_SECONDS = 30.0
#: Of the requests: an answer in the same exchange, a job that lasts, one that is not waited for.
KINDS: tuple[tuple[str, dict[str, float], dict[str, str]], ...] = (
    ("echo", {"a": 1}, {}),
    ("echo", {"a": 1}, {}),
    ("sleep", {"seconds": 1.0}, {"Prefer": "respond-async"}),
    ("echo", {"a": 1}, {"Prefer": "respond-async"}),
)
LEFT = "select count(*) from dramatiq.queue where message_id = any($1) and state in ('queued', 'consumed')"
DONE = "select count(*) from dramatiq.queue where message_id = any($1) and state = 'done'"


class Traffic:
    """Posts jobs, so many a second, each over a connection of its own, as a router opens one a request.

    While MOST_OPEN wait for their answers no further one is sent: a machine that is too slow for the rate gets fewer.
    """

    def __init__(self, url: str, key: str, rate: float) -> None:
        self.accepted: list[UUID] = []
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self._rate = rate
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=PATIENCE_SECONDS,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
        )
        self._requests: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        await asyncio.gather(*self._requests)
        await self._client.aclose()

    @property
    def failed(self) -> int:
        """Requests that were refused, or got no answer."""
        return sum(count for answer, count in self.answers.items() if answer not in ("200", "202"))

    async def _tick(self) -> None:
        began, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * self._rate)
            for number in range(sent, min(due, sent + MOST_OPEN - len(self._requests))):
                request = asyncio.create_task(self._post(*KINDS[number % len(KINDS)]))
                self._requests.add(request)
                request.add_done_callback(self._requests.discard)
            sent = due
            await asyncio.sleep(1 / self._rate)

    async def _post(self, actor: str, params: dict[str, float], headers: dict[str, str]) -> None:
        began = time.monotonic()
        try:
            answer = await self._client.post(
                f"/jobs/{actor}", json=params, headers={"Connection": "close", **headers}
            )
        except httpx.HTTPError as error:
            self.answers[type(error).__name__] += 1
            return
        self.answers[str(answer.status_code)] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status_code in (200, 202):
            self.accepted.append(UUID(answer.json()["id"]))

    async def done(self, database_url: str) -> int:
        """How many of the accepted jobs are done, once none is left or a minute is over."""
        connection = await asyncpg.connect(database_url)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while await connection.fetchval(LEFT, self.accepted):  # noqa: ASYNC110 - a table tells nobody
                    await asyncio.sleep(0.2)
        done: int = await connection.fetchval(DONE, self.accepted)
        await connection.close()
        return done
