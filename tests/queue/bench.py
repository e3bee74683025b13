"""The queue's own statements on a test's database, without the processes around them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from sooner.db import Link, Query
from sooner.queue.batch import JobKind, NewJob, message
from sooner.queue.enqueue import Enqueuer, LimitRow
from sooner.queue.finish import Ending, Finisher
from sooner.queue.ids import uuid7
from sooner.queue.transitions import TRANSITIONS


@dataclass
class Bench:
    """One connection that enqueues, one that claims and finishes as a registered worker."""

    enqueuer: Enqueuer
    link: Link
    worker: UUID

    async def add(self, tenant: str | None = "acme", **columns: Any) -> UUID:
        """Enqueue a job."""
        new = job(tenant=tenant, **columns)
        await self.enqueuer.enqueue(new)
        return new.message_id

    async def claim(
        self, batch: int = 10, *, query: Query = TRANSITIONS.claim, lane: str = "default", **more: Any
    ) -> list[UUID]:
        """The ids that a claim takes, in the order in which the worker begins them."""
        rows = await self.claim_rows(batch, query=query, lane=lane, **more)
        return [row["message_id"] for row in sorted(rows, key=lambda row: (row["priority"], row["turn"]))]

    async def claim_rows(
        self, batch: int = 10, *, query: Query = TRANSITIONS.claim, lane: str = "default", **more: Any
    ) -> Sequence[Mapping[str, Any]]:
        """The rows that a claim takes."""
        values = {"queue": "default", "actors": ["echo"], "threaded": [], "threads": 0} | more
        return await self.link.fetch(query, lane=lane, worker=self.worker, batch=batch, **values)

    async def finish(self, id: UUID, fence: int, state: Any = "done", **outcome: Any) -> bool:
        """Write an ending: whether it was taken."""
        ended = {"result": "{}" if state == "done" else None} | outcome
        return bool(await Finisher(self.link, retention=60)._write([Ending(id, fence, state, **ended)]))


def job(**columns: Any) -> NewJob:
    """A row to be."""
    id = uuid7()
    common: dict[str, Any] = {
        "queue_name": "default",
        "lane": "default",
        "actor": "echo",
        "tenant": "acme",
        "retention": 60.0,
    }
    kind = JobKind(**common | {name: columns.pop(name) for name in JobKind._fields if name in columns})
    own: dict[str, Any] = {"message_id": id, "kind": kind, "message": message(id, "default", "echo", "{}")}
    return NewJob(**own | columns)


@asynccontextmanager
async def bench(url: str) -> AsyncIterator[Bench]:
    """A bench with a worker whose lease is good for an hour."""
    inserts, claims = Link(url, "test"), Link(url, "test")
    worker = uuid7()
    connection = await asyncpg.connect(url)
    await connection.execute(
        "insert into sooner.worker values ($1, 'test', '{}', now(), now() + interval '1 hour')", worker
    )
    await connection.close()
    try:
        yield Bench(Enqueuer(inserts), claims, worker)
    finally:
        await inserts.close()
        await claims.close()


__all__ = ["Bench", "LimitRow", "bench", "job"]
