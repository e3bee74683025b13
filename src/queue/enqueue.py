"""Enqueueing: one INSERT, shared by the requests that come at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from src.db import Group, Link, Queries, Unavailable, transposed
from src.db.retry import briefly

SQL = Queries("src.queue", "sql/enqueue.sql")


class NewJob(NamedTuple):
    """A row to be."""

    message_id: UUID
    queue_name: str
    lane: str
    actor: str
    message: str
    retention: float
    tenant: str | None = None
    priority: int = 1
    request_id: str | None = None
    traceparent: str | None = None
    run_at: datetime | None = None
    delay: float | None = None
    cancel_after: float | None = None
    idempotency_key: str | None = None
    fingerprint: bytes | None = None
    limit_key: str | None = None
    unique_key: str | None = None
    sealed: str | None = None


#: A lane and a priority.
Line = tuple[str, int]


def columns(jobs: Sequence[NewJob], rounds: Mapping[Line, int] | None = None) -> dict[str, Sequence[Any]]:
    """The parameters of the query `enqueue`: an array a field, the lines that the jobs join, and where in them each comes.

    `rounds`: of some lines a round that has come, so that earlier ones need not be looked through.
    """
    lines: dict[tuple[str, int, str | None], list[int]] = {}
    places = []
    for job in jobs:
        line = lines.setdefault((job.lane, job.priority, job.tenant), [len(lines) + 1, -1])
        line[1] += 1
        places.append(tuple(line))
    return {
        **transposed(NewJob._fields, jobs),
        **transposed(("line", "place"), places),
        **transposed(("line_lane", "line_priority", "line_tenant"), list(lines)),
        "line_since": [(rounds or {}).get((lane, priority), 0) for lane, priority, _ in lines],
    }


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


Slot = tuple[str, str, str]
#: What came of jobs to add: a row, or who has a key of theirs.
Outcome = dict[UUID, Mapping[str, Any] | BaseException]

#: How often a key that came free is tried for.
KEY_ROUNDS = 3


class Conflict(Exception):
    """The idempotency key is held by the job `id`, which was made with `fingerprint`; nothing was added."""

    def __init__(self, id: UUID, fingerprint: bytes | None) -> None:
        super().__init__(str(id))
        self.id = id
        self.fingerprint = fingerprint


class Twin(Exception):
    """The job `id` of the same kind waits or runs, and there may be one at a time; nothing was added."""

    def __init__(self, id: UUID) -> None:
        super().__init__(str(id))
        self.id = id


class Enqueuer:
    """Adds jobs over one connection of its own; concurrent calls share statements."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._rounds: dict[Line, int] = {}
        self._group: Group[NewJob, Mapping[str, Any]] = Group(self._insert)

    async def enqueue(self, job: NewJob) -> Mapping[str, Any]:
        """Add a job: its `message_id`, `due_at`, `created_at` and `expires_at`.

        Raises Conflict, Twin, and Unavailable when the database is away.
        """
        return await self._group(job)

    async def limits(self, rows: Sequence[LimitRow]) -> None:
        """Make known how much may run under the keys of jobs to come. Raises Unavailable."""
        columns = {name: [getattr(row, name) for row in rows] for name in SQL.limits.parameters}
        await self._link.fetch(SQL.limits, **columns)

    async def _insert(self, jobs: Sequence[NewJob]) -> Sequence[Mapping[str, Any] | BaseException]:
        # Whoever takes keys in one order cannot wait in a circle with another process that does.
        keyed = any(job.idempotency_key or job.unique_key for job in jobs)
        outcome = await self._add(sorted(jobs, key=_order) if keyed else jobs)
        if len(outcome) < len(jobs):
            await self._settle([job for job in jobs if job.message_id not in outcome], outcome)
        return [outcome[job.message_id] for job in jobs]

    async def _add(self, jobs: Sequence[NewJob]) -> Outcome:
        values = columns(jobs, self._rounds)
        try:
            rows = await self._link.fetch(SQL.enqueue, **values)
        except Unavailable:
            return await briefly()(self._add_again, values)
        if rows:
            lines = zip(values["line_lane"], values["line_priority"], strict=True)
            self._rounds.update(zip(lines, rows[0]["rounds"], strict=True))
        return _by_id(rows)

    async def _add_again(self, values: Mapping[str, Sequence[Any]]) -> Outcome:
        """The ids are ours, so a second try after a lost answer finds the first one's rows and adds none twice."""
        added = _by_id(await self._link.fetch(SQL.enqueue, **values))
        ids = [id for id in values["message_id"] if id not in added]
        return {**added, **_by_id(await self._link.fetch(SQL.added, ids=ids))} if ids else added

    async def _settle(self, jobs: Sequence[NewJob], outcome: Outcome) -> None:
        """Jobs whose key was taken: who has it, for each, or a row where the key came free meanwhile.

        What goes wrong here is told to these jobs' callers alone: the others' rows are there.
        """
        try:
            for _ in range(KEY_ROUNDS):
                outcome.update(await briefly()(self._taken, jobs))
                jobs = [job for job in jobs if job.message_id not in outcome]
                outcome.update(await self._add(jobs) if jobs else {})
                jobs = [job for job in jobs if job.message_id not in outcome]
                if not jobs:
                    return
            error: BaseException = Unavailable("a key changes hands too fast")
        except Exception as failure:  # noqa: BLE001 - it is raised to each caller
            error = failure
        outcome.update({job.message_id: error for job in jobs if job.message_id not in outcome})

    async def _taken(self, jobs: Sequence[NewJob]) -> dict[UUID, BaseException]:
        holders = await self._holders([_slot(job) for job in jobs if job.idempotency_key is not None])
        taken: dict[UUID, BaseException] = {
            job.message_id: holders[_slot(job)] for job in jobs if _slot(job) in holders
        }
        twins = await self._twins(jobs)
        for job in jobs:
            if job.unique_key in twins:
                taken.setdefault(job.message_id, Twin(twins[job.unique_key]))
        return taken

    async def _twins(self, jobs: Sequence[NewJob]) -> dict[str | None, UUID]:
        keys = [job.unique_key for job in jobs if job.unique_key is not None]
        rows = await self._link.fetch(SQL.twins, unique_key=keys) if keys else ()
        return {row["unique_key"]: row["message_id"] for row in rows}

    async def holder(self, tenant: str | None, actor: str, key: str) -> Conflict | None:
        """Who holds an idempotency key. Raises Unavailable."""
        slot = (tenant or "", actor, key)
        return (await self._holders([slot])).get(slot)

    async def _holders(self, slots: Sequence[Slot]) -> dict[Slot, Conflict]:
        if not slots:
            return {}
        tenants, actors, keys = zip(*slots, strict=True)
        rows = await self._link.fetch(SQL.holders, tenant=tenants, actor=actors, idempotency_key=keys)
        return {
            (row["tenant"], row["actor"], row["idempotency_key"]): Conflict(
                row["message_id"], row["fingerprint"]
            )
            for row in rows
        }


def _by_id(rows: Sequence[Mapping[str, Any]]) -> Outcome:
    return {row["message_id"]: row for row in rows}


def _slot(job: NewJob) -> Slot:
    """Where no two jobs with an idempotency key may be."""
    return (job.tenant or "", job.actor, job.idempotency_key or "")


def _order(job: NewJob) -> tuple[str, ...]:
    return (*_slot(job), job.unique_key or "")
