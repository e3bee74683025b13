"""Copying from the source's database to the target's: a batch is there whole, with all that belongs to its jobs, or not at all."""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import tenacity

from sooner.db import Query
from sooner.db.link import Connection, rows
from sooner.jobs.moving import deliveries
from sooner.jobs.moving.move_end import MoveEnd, Row
from sooner.jobs.moving.pipe import pipe
from sooner.jobs.moving.removal import remove_credentials, remove_jobs
from sooner.jobs.moving.tables import MovedTable, MovedTables

T = TypeVar("T")

#: A batch ends with so many jobs, or so many bytes of files; a larger file is a batch of its own.
MOST_JOBS = 500
MOST_BYTES = 8 << 20

#: What a transaction at the target begins with.
Guard = Callable[[Connection], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What any job of a batch has: the rest is not asked for."""

    has_output: bool
    has_lines: bool
    has_files: bool
    has_limit: bool
    has_key: bool


class Copier:
    """Copies rows of the source to the target, in batches; `guard` raises where another mover has taken over.

    Every method raises ShardLost, and what `guard` raises.
    """

    def __init__(self, source: MoveEnd, target: MoveEnd, tables: MovedTables, guard: Guard) -> None:
        self._source = source
        self._target = target
        self._tables = tables
        self._guard = guard

    async def replace_jobs(self, ids: Sequence[UUID]) -> int:
        """Copy jobs that do not run; earlier copies go. The number of jobs."""
        return await self._in_batches(ids, partial(self._jobs, replace=True, due_by=None))

    async def add_jobs(self, ids: Sequence[UUID]) -> int:
        """Copy jobs that do not run and are not at the target. The number of jobs."""
        return await self._in_batches(ids, partial(self._jobs, replace=False, due_by=None))

    async def add_deliveries(self, ids: Sequence[UUID], due_by: datetime) -> int:
        """Copy waiting deliveries that are not at the target, parked; those that are due by then are due at once."""
        return await self._in_batches(ids, partial(self._jobs, replace=False, due_by=due_by))

    async def remove_jobs(self, ids: Sequence[UUID]) -> None:
        """Remove copies from the target."""
        for start in range(0, len(ids), MOST_JOBS):
            await self._write(partial(remove_jobs, ids[start : start + MOST_JOBS]))

    async def uploads(self, uploads: Sequence[tuple[UUID, int]]) -> None:
        """Copy uploads with these ids and bytes."""
        for batch in in_batches(uploads):
            await self._between(partial(self._uploads, batch))

    async def credentials(self, tenant: str) -> None:
        """Copy the tenant's keys, tokens and webhooks; earlier copies go."""
        await self._between(partial(self._credentials, tenant))

    async def late_lines(self, ids: Sequence[UUID]) -> None:
        """Copy the lines of the jobs' logs that are not at the target."""
        for start in range(0, len(ids), MOST_JOBS):
            await self._between(partial(self._late_lines, ids[start : start + MOST_JOBS]))

    # Transactions

    async def _write(self, use: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """The result of `use` in one transaction at the target."""

        async def guarded(writer: Connection) -> T:
            await self._guard(writer)
            return await use(writer)

        return await self._target.run_whole(guarded)

    async def _between(self, use: Callable[[Connection, Connection], Coroutine[Any, Any, T]]) -> T:
        """The result of `use` with a connection to the source, in one transaction at the target."""
        return await self._source.run(lambda reader: self._write(partial(use, reader)))

    async def _in_batches(self, ids: Sequence[UUID], use: Callable[..., Coroutine[Any, Any, int]]) -> int:
        copied = 0
        for start in range(0, len(ids), MOST_JOBS):
            found = await self._source.rows(self._tables.jobs.belongings, ids=ids[start : start + MOST_JOBS])
            known = {row["message_id"]: row for row in found}
            for batch in in_batches([(id, row["bytes"]) for id, row in known.items()]):
                belongings = _of_all([known[id] for id in batch])
                # A key that was free a moment ago may have been taken at the target.
                async for attempt in _while_keys_change_hands():
                    with attempt:
                        copied += await self._between(partial(use, batch, belongings))
        return copied

    # What a transaction does

    async def _jobs(
        self,
        ids: Sequence[UUID],
        belongings: Belongings,
        reader: Connection,
        writer: Connection,
        *,
        replace: bool,
        due_by: datetime | None,
    ) -> int:
        if replace:
            await remove_jobs(ids, writer)
        if belongings.has_limit:
            await self._copy(reader, writer, "limit", self._tables.rows.limit, ids=ids)
        queue = self._tables["queue"]
        await pipe(self._source, reader, self._tables.rows.queue, writer, queue, ids=ids)
        if due_by is not None:
            await rows(writer, deliveries.SQL.park_arrived, until=due_by)
        if belongings.has_key:
            if replace:
                await rows(writer, self._tables.jobs.take_unique_keys)
                await rows(writer, self._tables.jobs.take_idempotency_keys)
            await rows(writer, self._tables.jobs.free_unique_keys)
            await rows(writer, self._tables.jobs.free_idempotency_keys)
        added = [row["message_id"] for row in await rows(writer, self._tables.jobs.add)]
        if added:
            await self._belongings(added, belongings, reader, writer)
        return len(added)

    async def _belongings(
        self, ids: Sequence[UUID], belongings: Belongings, reader: Connection, writer: Connection
    ) -> None:
        of = self._tables.rows
        if belongings.has_output:
            await self._copy(reader, writer, "output", of.output, ids=ids)
        if belongings.has_lines:
            await self._copy(reader, writer, "log_line", of.log_line, ids=ids)
        if belongings.has_files:
            await self._copy(reader, writer, "file", of.file, ids=ids)
            await self._copy(reader, writer, "file_chunk", of.file_chunk, ids=ids)
            # Last: without its file the target's cleaning would take an object for an orphan.
            await self._copy(reader, writer, "blob", of.blob_of_file, ids=ids)

    async def _uploads(self, ids: Sequence[UUID], reader: Connection, writer: Connection) -> None:
        of = self._tables.rows
        await self._copy(reader, writer, "upload", of.upload, ids=ids)
        await self._copy(reader, writer, "chunk", of.chunk, ids=ids)
        await self._copy(reader, writer, "blob", of.blob, ids=ids)

    async def _credentials(self, tenant: str, reader: Connection, writer: Connection) -> None:
        of = self._tables.rows
        await remove_credentials(tenant, writer)
        await self._copy(reader, writer, "api_key", of.api_key, tenant=tenant)
        await self._copy(reader, writer, "token", of.token, tenant=tenant)
        await self._copy(reader, writer, "webhook", of.webhook, tenant=tenant)

    async def _late_lines(self, ids: Sequence[UUID], reader: Connection, writer: Connection) -> None:
        table = self._tables["log_line"]
        await pipe(self._source, reader, self._tables.rows.log_line, writer, table, ids=ids)
        await rows(writer, self._tables.jobs.add_late_lines)

    async def _copy(
        self, reader: Connection, writer: Connection, name: str, query: Query, **values: Any
    ) -> None:
        table: MovedTable = self._tables[name]
        await pipe(self._source, reader, query, writer, table, **values)
        await rows(writer, table.add)


def in_batches(sized: Sequence[tuple[UUID, int]]) -> Iterator[list[UUID]]:
    """The ids in batches of at most `MOST_JOBS`, and of at most `MOST_BYTES` where there are several."""
    batch: list[UUID] = []
    size = 0
    for id, bytes in sized:
        if batch and (len(batch) == MOST_JOBS or size + bytes > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(id)
        size += bytes
    if batch:
        yield batch


def _of_all(found: Sequence[Row]) -> Belongings:
    return Belongings(**{field.name: any(row[field.name] for row in found) for field in fields(Belongings)})


def _while_keys_change_hands() -> tenacity.AsyncRetrying:
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(asyncpg.UniqueViolationError),
        stop=tenacity.stop_after_attempt(5),
        reraise=True,
    )
