"""Enqueueing: one INSERT, shared by the requests that come at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

from src.db import Group, Link, Queries
from src.db.retry import briefly

SQL = Queries("src.queue", "sql/enqueue.sql")


@dataclass(frozen=True, slots=True)
class NewJob:
    """A row to be: the fields are the parameters of the query `enqueue`, one array each."""

    message_id: UUID
    queue_name: str
    lane: str
    actor: str
    message: str
    tenant: str | None
    priority: int
    request_id: str | None
    traceparent: str | None
    run_at: datetime | None
    delay: float | None
    cancel_after: float | None
    retention: float
    idempotency_key: str | None
    fingerprint: bytes | None
    limit_key: str | None = None


FIELDS = tuple(field.name for field in fields(NewJob))
_values = attrgetter(*FIELDS)


@dataclass(frozen=True, slots=True)
class LimitRow:
    """How much may run under a key: the fields are the parameters of the query `limits`, one array each."""

    key: str
    most: int | None
    interval_seconds: float | None
    burst: int | None


def message(id: UUID, queue: str, actor: str, params: str) -> str:
    """The message column: what dramatiq encodes for the same call. `params` is a JSON text."""
    return orjson.dumps(
        {
            "queue_name": queue,
            "actor_name": actor,
            "args": [],
            "kwargs": orjson.Fragment(params),
            "options": {},
            "message_id": str(id),
            "message_timestamp": (id.int >> 80),
        }
    ).decode()


class Conflict(Exception):
    """A row with this id or this idempotency key is there already; nothing was added."""


class Enqueuer:
    """Adds jobs over one connection of its own; concurrent calls share statements."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._group: Group[NewJob, Mapping[str, Any]] = Group(self._insert)

    async def enqueue(self, job: NewJob) -> Mapping[str, Any]:
        """Add a job: its `message_id`, `due_at`, `created_at` and `expires_at`.

        Raises Conflict, and Unavailable when the database is away.
        """
        return await self._group(job)

    async def limits(self, rows: Sequence[LimitRow]) -> None:
        """Make known how much may run under the keys of jobs to come. Raises Unavailable."""
        columns = {name: [getattr(row, name) for row in rows] for name in SQL.limits.parameters}
        await self._link.fetch(SQL.limits, **columns)

    async def _insert(self, jobs: Sequence[NewJob]) -> Sequence[Mapping[str, Any] | BaseException]:
        columns = dict(zip(FIELDS, zip(*map(_values, jobs), strict=True), strict=True))
        added: dict[UUID, Mapping[str, Any]] = {}
        # The ids are ours, so a second try after a lost answer finds the first one's rows and adds none twice.
        async for attempt in briefly():
            with attempt:
                again = attempt.retry_state.attempt_number > 1
                added = {row["message_id"]: row for row in await self._link.fetch(SQL.enqueue, **columns)}
                if again and len(added) < len(jobs):
                    ids = [job.message_id for job in jobs]
                    added.update(
                        {row["message_id"]: row for row in await self._link.fetch(SQL.added, ids=ids)}
                    )
        return [added.get(job.message_id) or Conflict(str(job.message_id)) for job in jobs]
