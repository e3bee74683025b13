"""Lists of jobs, newest first, a page at a time."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sooner.db import Queries, Query
from sooner.db.replica import Reader, Replica
from sooner.jobs.following.follower import SQL as READ
from sooner.jobs.row import Job
from sooner.jobs.states import State

SQL = Queries("sooner.jobs.following", "sql/listing.sql")

T = TypeVar("T")

#: One statement looks at this many jobs, one page makes up to ROUNDS statements.
SCAN = 5000
ROUNDS = 8
#: A page begins no further statement after this long.
WALK_SECONDS = 0.4
#: A page ends before the texts of its jobs exceed this together.
PAGE_BYTES = 4 << 20

ILL = frozenset({State.ERROR, State.ERROR_RESOLVED, State.CANCELLED})
LIVE = frozenset({State.WAITING, State.PROCESSING})


@dataclass(frozen=True, slots=True)
class Copies:
    """The tenants of whose jobs a move has put copies beside them: a list shows the jobs themselves.

    In this database all jobs of those `coming` are copies; so are those of tenants that have `left` it, but what runs here or has
    changed since.
    """

    coming: Sequence[str] = ()
    left: Sequence[str] = ()


NO_COPIES = Copies()


@dataclass(frozen=True, slots=True)
class JobFilter:
    """The jobs of a list but `copies`; None leaves a member open, and a missing tenant means all jobs."""

    tenant: str | None = None
    state: State | None = None
    actor: str | None = None
    parent: UUID | None = None
    copies: Copies = NO_COPIES


@dataclass(frozen=True, slots=True)
class Position:
    """A position in a list: behind this job."""

    created_at: datetime
    id: UUID

    def is_before(self, other: "Position") -> bool:
        """Whether a list comes here first: the newest job is at its top."""
        return (self.created_at, self.id) > (other.created_at, other.id)


START = Position(datetime.max.replace(tzinfo=UTC), UUID(int=(1 << 128) - 1))
END = Position(datetime.min.replace(tzinfo=UTC), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list: what stands at each of its positions, in their order, and where the next page begins, if there is one."""

    items: Mapping[Position, T]
    next: Position | None


#: The rows that fit, and the position to look on from.
Found = tuple[list[Mapping[str, Any]], Position | None]


class Listing:
    """Reads lists by keyset, so that a page never shifts while jobs are added.

    The cost of a page does not grow with the table: under a filter that fits few jobs a page may be short, even empty,
    and still have a next page.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def page(
        self, filter: JobFilter, limit: int, after: Position = START, most_bytes: int = PAGE_BYTES
    ) -> Page[Job]:
        """Up to `limit` jobs after a position, of `most_bytes` together where there are several. Raises Unavailable."""
        read = await self._replica.reader()
        found, reached = await _find(read, filter, limit, after)
        light = await read.rows(SQL.light, ids=[row["message_id"] for row in found], most=most_bytes)
        if len(light) < len(found):
            reached = _position(found[len(light) - 1])
        jobs = await _jobs(read, [row["message_id"] for row in light])
        return Page({Position(job.created_at, job.id): job for job in jobs}, reached)

    async def find(self, filter: JobFilter, limit: int, after: Position = START) -> Page[UUID]:
        """As `page`, with the ids of the jobs alone. Raises Unavailable."""
        found, reached = await _find(await self._replica.reader(), filter, limit, after)
        return Page({_position(row): row["message_id"] for row in found}, reached)


async def _find(read: Reader, filter: JobFilter, limit: int, after: Position) -> Found:
    if filter.state in LIVE and filter.parent is None:
        rows = await _rows(read, SQL.live, filter, limit, after)
        if rows[0]["gathered"] < SCAN:
            return _cut([row for row in rows if row["message_id"] is not None], limit)
    return await _walk(read, filter, limit, after)


async def _walk(read: Reader, filter: JobFilter, limit: int, after: Position) -> Found:
    found: list[Mapping[str, Any]] = []
    until = time.monotonic() + WALK_SECONDS
    for _ in range(ROUNDS):
        rows = await _rows(read, _walk_of(filter), filter, limit - len(found), after)
        found += [row for row in rows if row["fits"]]
        if len(found) > limit or not rows or rows[-1]["place"] < SCAN:
            return _cut(found, limit)
        after = _position(rows[-1])
        if time.monotonic() > until:
            break
    return found, after


async def _rows(
    read: Reader, query: Query, filter: JobFilter, limit: int, after: Position
) -> list[Mapping[str, Any]]:
    return await read.rows(
        query,
        tenant=filter.tenant,
        state=None if filter.state is None else filter.state.stored,
        actor=filter.actor,
        parent=filter.parent,
        coming=filter.copies.coming,
        left=filter.copies.left,
        before_at=after.created_at,
        before_id=after.id,
        scan=SCAN,
        limit=limit + 1,
    )


async def _jobs(read: Reader, ids: Sequence[UUID]) -> list[Job]:
    rows = await read.rows(READ.jobs, ids=ids)
    jobs = {job.id: job for job in map(Job.read, rows)}
    return [jobs[id] for id in ids if id in jobs]


def _walk_of(filter: JobFilter) -> Query:
    if filter.parent is not None:
        return SQL.walk_of_parent
    if filter.state in ILL:
        return SQL.ill_of_all if filter.tenant is None else SQL.ill_of_tenant
    return SQL.walk_of_all if filter.tenant is None else SQL.walk_of_tenant


def _cut(rows: list[Mapping[str, Any]], limit: int) -> Found:
    return rows[:limit], _position(rows[limit - 1]) if len(rows) > limit else None


def _position(row: Mapping[str, Any]) -> Position:
    return Position(row["created_at"], row["message_id"])
