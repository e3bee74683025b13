"""Enqueueing: one INSERT, which concurrent requests share."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any
from uuid import UUID

from sooner.db import (
    Group,
    Link,
    Queries,
    Query,
    Unavailable,
    fitting,
)
from sooner.db.link import Connection
from sooner.db.retry import briefly, or_again
from sooner.queue.batch import (
    Added,
    Batch,
    LanePriority,
    NewJob,
    text_length,
)
from sooner.queue.freeze import STAYS
from sooner.queue.transitions import TRANSITIONS

SQL = Queries("sooner.queue", "sql/enqueue.sql", stays=STAYS)


@dataclass(frozen=True, slots=True)
class LimitRow:
    """The limit of a key; the fields are parameters of queries, an array each."""

    key: str
    most: int | None
    interval_seconds: float | None
    burst: int | None


IdempotencySlot = tuple[str, str, str]
#: The outcome for each job: its new row, or the conflict over one of its keys.
Additions = dict[UUID, Added | BaseException]

#: How often a job tries for a key that has become free.
KEY_ROUNDS = 3


class IdempotencyConflict(Exception):
    """The job `id`, made with `fingerprint`, holds the idempotency key; nothing was added.

    `params` are the job's parameters as JSON where code submitted it, which makes no fingerprint.
    """

    def __init__(self, id: UUID, fingerprint: bytes | None, params: str | None = None) -> None:
        super().__init__(str(id))
        self.id = id
        self.fingerprint = fingerprint
        self.params = params


class UniqueConflict(Exception):
    """The job `id`, which waits or runs, holds the unique key; nothing was added."""

    def __init__(self, id: UUID) -> None:
        super().__init__(str(id))
        self.id = id


def statement(batch: Batch) -> tuple[Query, dict[str, Any]]:
    """The query, with its parameters, that adds jobs for the first time."""
    return (TRANSITIONS.enqueue_alike, batch.alike()) if batch.is_alike else careful_statement(batch)


def careful_statement(batch: Batch) -> tuple[Query, dict[str, Any]]:
    """The query, with its parameters, that adds those of the jobs which are not there yet."""
    query = TRANSITIONS.enqueue_notified if batch.is_notified else TRANSITIONS.enqueue
    return query, batch.columns()


class Enqueuer:
    """Adds jobs over one connection of its own; concurrent calls share statements."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._rounds: dict[LanePriority, int] = {}
        self._group: Group[NewJob, Added] = Group(self.insert, length=text_length)

    def enqueue(self, job: NewJob) -> Coroutine[Any, Any, Added]:
        """Add a job.

        Raises IdempotencyConflict, UniqueConflict, TenantMoves, and Unavailable when the database is away.
        """
        return self._group(job)

    async def enqueue_all(self, jobs: Sequence[NewJob]) -> None:
        """Add jobs of one tenant that have no keys, all of them or none. Raises TenantMoves, Unavailable."""
        if len(parts := _fitting_parts(jobs)) == 1:
            for outcome in (await self._add(jobs)).values():
                if isinstance(outcome, BaseException):
                    raise outcome
            return
        await briefly()(self._link.run_whole, partial(self._add_parts, parts))

    async def _add_parts(self, parts: Sequence[Sequence[NewJob]], connection: Connection) -> None:
        """Add jobs by a statement for each part, without those that are there since a try whose answer was lost."""
        for part in parts:
            batch = Batch(part, self._rounds)
            query, values = careful_statement(batch)
            rows: Sequence[Any] = await connection.fetch(query.positional, *query.arguments(values))
            for refused in batch.refused(rows[0]).values():
                raise refused

    async def limits(self, rows: Sequence[LimitRow]) -> None:
        """Write the limits of the keys of later jobs. Raises Unavailable."""
        await self._link.fetch(SQL.limits, **_columns(rows))

    async def relimit(self, rows: Sequence[LimitRow]) -> None:
        """Bring actors' limits, whose `key` is the actor's name, to all keys that waiting jobs have. Raises Unavailable."""
        await briefly()(self._link.fetch, SQL.relimit, **_columns(rows))

    async def restore(self, lane: str, missing: Sequence[str], rows: Sequence[LimitRow]) -> None:
        """Write the limits of a lane's keys that have none, of actors' limits, whose `key` is the actor's name. Raises Unavailable."""
        await self._link.fetch(SQL.restore, lane=lane, missing=missing, **_columns(rows))

    async def insert(self, jobs: Sequence[NewJob]) -> Sequence[Added | BaseException]:
        """Add jobs of several callers by one statement; the result has what `enqueue` returns or raises for each.

        Raises Unavailable.
        """
        # Processes that take keys in the same order cannot deadlock.
        keyed = any(job.idempotency_key or job.unique_key for job in jobs)
        outcome = await self._add(sorted(jobs, key=_order) if keyed else jobs)
        if len(outcome) < len(jobs):
            await self._settle([job for job in jobs if job.message_id not in outcome], outcome)
        return [outcome[job.message_id] for job in jobs]

    async def _add(self, jobs: Sequence[NewJob]) -> Additions:
        batch = Batch(jobs, self._rounds)
        return await or_again(self._write(batch, *statement(batch)), partial(self._add_again, batch))

    async def _write(self, batch: Batch, query: Query, values: Mapping[str, Any]) -> Additions:
        [row] = await self._link.fetch(query, **values)
        self._rounds.update(batch.rounds(row))
        return {**batch.added(row), **batch.refused(row)}

    async def _add_again(self, batch: Batch) -> Additions:
        """Add jobs after a lost answer: their ids find the rows of the first try, so none is added twice."""
        added = await self._write(batch, *careful_statement(batch))
        # The first try may have added those, too, that are refused now.
        ids = [job.message_id for job in batch.jobs if not isinstance(added.get(job.message_id), Added)]
        rows = await self._link.fetch(SQL.added, ids=ids) if ids else ()
        return {
            **added,
            **{row["message_id"]: Added(**{name: row[name] for name in Added._fields}) for row in rows},
        }

    async def _settle(self, jobs: Sequence[NewJob], outcome: Additions) -> None:
        """Find the holders of taken keys, or add a job whose key has become free meanwhile.

        An error here reaches the callers of these jobs alone: the other jobs have their rows.
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
                taken.setdefault(job.message_id, UniqueConflict(twins[job.unique_key]))
        return taken

    async def _twins(self, jobs: Sequence[NewJob]) -> dict[str | None, UUID]:
        keys = [job.unique_key for job in jobs if job.unique_key is not None]
        rows = await self._link.fetch(SQL.twins, unique_key=keys) if keys else ()
        return {row["unique_key"]: row["message_id"] for row in rows}

    async def holder(self, tenant: str | None, actor: str, key: str) -> IdempotencyConflict | None:
        """The holder of an idempotency key, or None. Raises Unavailable."""
        slot = (tenant or "", actor, key)
        return (await self._holders([slot])).get(slot)

    async def _holders(self, slots: Sequence[IdempotencySlot]) -> dict[IdempotencySlot, IdempotencyConflict]:
        if not slots:
            return {}
        tenants, actors, keys = zip(*slots, strict=True)
        rows = await self._link.fetch(SQL.holders, tenant=tenants, actor=actors, idempotency_key=keys)
        return {
            (row["tenant"], row["actor"], row["idempotency_key"]): IdempotencyConflict(
                row["message_id"], row["fingerprint"], row["params"]
            )
            for row in rows
        }


def _columns(limits: Sequence[LimitRow]) -> dict[str, Any]:
    """The parameters of a query that takes limits."""
    return {field.name: [getattr(limit, field.name) for limit in limits] for field in fields(LimitRow)}


def _fitting_parts(jobs: Sequence[NewJob]) -> list[Sequence[NewJob]]:
    """The jobs in parts, each of which one statement takes."""
    parts = []
    while jobs:
        size = fitting(map(text_length, jobs))
        parts.append(jobs[:size])
        jobs = jobs[size:]
    return parts


def _slot(job: NewJob) -> IdempotencySlot:
    """The values that no two jobs with an idempotency key may share."""
    return (job.kind.tenant or "", job.kind.actor, job.idempotency_key or "")


def _order(job: NewJob) -> tuple[str, ...]:
    return (*_slot(job), job.unique_key or "")
