"""The operators' overview. Every query is cheap at any number of jobs."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from sooner.db import Queries, Replica
from sooner.jobs.following.listing import (
    START,
    JobFilter,
    Listing,
    Page,
    Position,
)
from sooner.jobs.operating.queues import MOST, Queues
from sooner.jobs.states import PRIORITIES, PUBLIC, State
from sooner.process.clock.pace import Pace

SQL = Queries("sooner.jobs.operating", "sql/board.sql")

#: Concurrent readers share one look.
FRESH_SECONDS = 0.9
#: Looking takes at most this share of the time.
LOOKING_SHARE = 0.1
#: Rare states are counted up to this number, and shown as "more than".
MOST_COUNTED = 10_000
#: New jobs are counted up to this number.
MOST_NEW = 100
#: Up to this many pages (16 MiB) the table is counted rather than estimated.
PAGES_COUNTED = 2048

Row = Mapping[str, Any]


class Board:
    """Reads the overview, from the replica where there is one. Every method raises Unavailable."""

    def __init__(self, replica: Replica, queues: Queues, listing: Listing) -> None:
        self._replica = replica
        self._queues = queues
        self._listing = listing
        self._looking = asyncio.Lock()
        self._seen: dict[str, Any] = {}
        self._pace = Pace(LOOKING_SHARE, least=FRESH_SECONDS)

    async def look(self) -> dict[str, Any]:
        """Queues, workers, scheduler, schedules and the number of jobs by state, at most a moment old."""
        async with self._looking:
            if self._pace.is_due():
                began = time.monotonic()
                self._seen = await self._look()
                self._pace.took(time.monotonic() - began)
            return self._seen

    async def _look(self) -> dict[str, Any]:
        # One query after another: requests that wait for jobs need the pool's other connections.
        read = await self._replica.reader()
        queues, workers = await self._queues.all(), await read.rows(SQL.workers)
        scheduler, schedules = await read.row(SQL.scheduler), await read.rows(SQL.schedules)
        ill = await read.rows(SQL.ill, most=MOST_COUNTED + 1)
        size = await read.row(SQL.size, counted=PAGES_COUNTED)
        return {
            "queues": [dict(queue) for queue in queues],
            "workers": [{**worker, "jobs": orjson.Fragment(worker["jobs"])} for worker in workers],
            "scheduler": dict(scheduler or {"name": None, "since": None, "beat_at": None, "alive": False}),
            "schedules": [_schedule(row) for row in schedules],
            "states": _states(queues, ill, size),
        }

    async def page(self, filter: JobFilter, limit: int, after: Position = START) -> Page[Row]:
        """A page of jobs in brief."""
        found = await self._listing.find(filter, limit, after)
        return Page(await self.glance(list(found.items.values())), found.next)

    async def glance(self, ids: Collection[UUID]) -> Mapping[Position, Row]:
        """Jobs in brief, newest first, without the jobs that were removed."""
        rows = await self._replica.rows(SQL.glance, ids=ids)
        return {Position(row["created_at"], row["id"]): _glance(row) for row in rows}

    async def new(
        self, filter: JobFilter, shown: Collection[UUID], after: Position, until: Position
    ) -> set[Position]:
        """The jobs, up to MOST_NEW, that belong between two positions beside the jobs shown there."""
        found = await self._listing.find(filter, MOST_NEW, after)
        return {place for place in found.items if place.is_before(until) and place.id not in shown}

    async def facts(self, id: UUID) -> Row:
        """The facts about a job that its document does not have."""
        return await self._replica.row(SQL.facts, id=id) or {}


def _glance(row: Row) -> dict[str, Any]:
    return {
        **row,
        "id": str(row["id"]),
        "state": PUBLIC[row["state"]],
        "priority": PRIORITIES[row["priority"]],
        "progress": None if row["progress"] is None else orjson.Fragment(row["progress"]),
    }


def _schedule(row: Row) -> dict[str, Any]:
    return {**row, "state": None if row["state"] is None else PUBLIC[row["state"]]}


def _states(queues: Sequence[Row], ill: Sequence[Row], size: Row | None) -> dict[str, Any]:
    """The number of jobs by state; `about` names the states whose number is an estimate or a lower bound."""
    counts = {PUBLIC[row["state"]]: row["count"] for row in ill}
    about = [state for state, count in counts.items() if count > MOST_COUNTED]
    counts[State.WAITING] = sum(queue["waiting"] for queue in queues)
    counts[State.PROCESSING] = sum(queue["processing"] for queue in queues)
    rows = size or {"rows": 0, "estimated": True}
    counts[State.DONE] = max(0, rows["rows"] - sum(counts.values()))
    if any(queue["judged"] for queue in queues):
        about += [state for state in (State.WAITING, State.PROCESSING) if counts[state] >= MOST]
    if rows["estimated"] or about:
        about.append(State.DONE)
    return {"counts": {state.value: min(counts[state], _bound(state)) for state in State}, "about": about}


def _bound(state: State) -> int:
    return MOST_COUNTED if state in (State.ERROR, State.ERROR_RESOLVED, State.CANCELLED) else 1 << 62
