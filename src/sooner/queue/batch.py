"""Batches: jobs that one statement adds, as columns."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from sooner.db import TenantMoves, joined, transposed
from sooner.queue.freeze import refusal


class JobKind(NamedTuple):
    """The values that many jobs of a batch share."""

    queue_name: str
    lane: str
    actor: str
    tenant: str | None = None
    priority: int = 1
    #: The seconds that a job is kept after its end.
    retention: float = 0.0
    #: Whether a running job's code submits it: it is taken while its tenant leaves for another database.
    of_job: bool = False


class NewJob(NamedTuple):
    """A job to add. `message`, `sealed` and `notify` are JSON texts."""

    message_id: UUID
    kind: JobKind
    message: str
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
    parent: UUID | None = None
    notify: str | None = None


class Added(NamedTuple):
    """The values that the table gave a new job."""

    created_at: datetime
    due_at: datetime | None
    expires_at: datetime
    turn: int | None


#: A lane and a priority.
LanePriority = tuple[str, int]
#: The columns that only some jobs fill.
OPTIONS = slice(NewJob._fields.index("run_at"), None)
NO_OPTIONS = (None,) * len(NewJob._fields[OPTIONS])


def message(id: UUID, queue: str, actor: str, params: str) -> str:
    """The message column, as dramatiq encodes the same call. `params` is a JSON text."""
    addressed = _addressed(queue, actor)
    return f'{addressed}"kwargs":{params},"message_id":"{id}","message_timestamp":{id.int >> 80}}}'


@cache
def _addressed(queue: str, actor: str) -> str:
    """The beginning that all messages to one actor share."""
    said = orjson.dumps({"queue_name": queue, "actor_name": actor, "args": [], "options": {}})
    return said.decode()[:-1] + ","


def text_length(job: NewJob) -> int:
    """The characters of a job's texts."""
    return len(job.message) + len(job.sealed or "") + len(job.notify or "")


class Batch:
    """Jobs for the queries `enqueue` and `enqueue_alike`: their kinds, their flows, and their places in these flows.

    `rounds`: for some lanes and priorities a round that has come, so that the query skips earlier rounds.
    """

    def __init__(self, jobs: Sequence[NewJob], rounds: Mapping[LanePriority, int] | None = None) -> None:
        self.jobs = jobs
        self._rounds = rounds or {}
        #: The number of each flow, and the number of each kind with its flow's number.
        self._flows: dict[tuple[str, int, str | None], int] = {}
        self._kinds: dict[JobKind, tuple[int, int]] = {}
        self._lengths: list[int] = []
        #: For each job, the number of its kind, and the number of jobs of its flow before it in this batch.
        self._places = self._lined_up([job.kind for job in jobs])

    def _lined_up(self, kinds: Sequence[JobKind]) -> Sequence[tuple[int, int]]:
        if kinds.count(kinds[0]) < len(kinds):
            return [self._place(kind) for kind in kinds]
        number, first = self._place(kinds[0])
        return [(number, place) for place in range(first, first + len(kinds))]

    def _place(self, kind: JobKind) -> tuple[int, int]:
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = (len(self._kinds) + 1, self._flow(kind))
        number, flow = known
        self._lengths[flow - 1] += 1
        return number, self._lengths[flow - 1] - 1

    def _flow(self, kind: JobKind) -> int:
        key = (kind.lane, kind.priority, kind.tenant)
        if key not in self._flows:
            self._lengths.append(0)
            self._flows[key] = len(self._lengths)
        return self._flows[key]

    @property
    def is_alike(self) -> bool:
        """Whether the query `enqueue_alike` takes the batch: one kind of job, and no optional columns."""
        return len(self._kinds) == 1 and all(job[OPTIONS] == NO_OPTIONS for job in self.jobs)

    @property
    def is_notified(self) -> bool:
        """Whether a mail is to be sent at the end of any of the jobs."""
        return any(job.notify is not None for job in self.jobs)

    def alike(self) -> dict[str, Any]:
        """The parameters of the query `enqueue_alike`."""
        [kind] = self._kinds
        since = self._rounds.get((kind.lane, kind.priority), 0)
        return {**self._texts(), **kind._asdict(), "since": since}

    def columns(self) -> dict[str, Any]:
        """The parameters of the query `enqueue`: one text for a column that every job fills, an array for another."""
        jobs = transposed(NewJob._fields, self.jobs)
        # An array of nulls costs as much as a full array, so columns that no job fills are sent empty.
        short = {name: [] if column.count(None) == len(column) else column for name, column in jobs.items()}
        return {
            **short,
            **self._texts(),
            **transposed(("kind", "place"), self._places),
            **transposed(JobKind._fields, list(self._kinds)),
            "flow": [flow for _, flow in self._kinds.values()],
            **transposed(("flow_lane", "flow_priority", "flow_tenant"), list(self._flows)),
            "flow_since": [self._rounds.get((lane, priority), 0) for lane, priority, _ in self._flows],
            "count": len(self.jobs),
            "notified": [job.message_id for job in self.jobs if job.notify is not None],
            "notify": [job.notify for job in self.jobs if job.notify is not None],
        }

    def _texts(self) -> dict[str, str]:
        """The columns that every job fills."""
        ids, _, messages, requests, traces, *_ = zip(*self.jobs, strict=True)
        return {
            "message_id": joined([str(id) for id in ids]),
            "message": joined(messages),
            "request_id": joined(requests),
            "traceparent": joined(traces),
        }

    def rounds(self, row: Mapping[str, Any]) -> dict[LanePriority, int]:
        """The current round of each lane and priority, from the query's row."""
        return {
            (lane, priority): come
            for (lane, priority, _), come in zip(self._flows, row["rounds"], strict=True)
        }

    def added(self, row: Mapping[str, Any]) -> dict[UUID, Added]:
        """The jobs that were added, from the query's row."""
        created_at, turns = row["created_at"], row["turns"]
        ends = [created_at + timedelta(seconds=kind.retention) for kind in self._kinds]
        starts = [turns[flow - 1] for _, flow in self._kinds.values()]
        rows = [
            Added(
                created_at=created_at,
                due_at=None,
                expires_at=ends[number - 1],
                turn=starts[number - 1] + place,
            )
            for number, place in self._places
        ]
        added = dict(zip([job.message_id for job in self.jobs], rows, strict=True))
        if row["added"] is not None:
            added = {id: added[id] for id in row["added"]}
        for id, due_at in zip(row["postponed"] or (), row["due_at"] or (), strict=True):
            kept = added[id].expires_at - created_at
            added[id] = Added(created_at=created_at, due_at=due_at, expires_at=due_at + kept, turn=None)
        return added

    def refused(self, row: Mapping[str, Any]) -> dict[UUID, TenantMoves]:
        """The jobs whose tenants move to another database, from the query's row."""
        if row["refused"] is None:
            return {}
        reasons = [row["refused"][number - 1] for number, _ in self._places]
        return {
            job.message_id: refusal(job.kind.tenant, reason)
            for job, reason in zip(self.jobs, reasons, strict=True)
            if reason is not None
        }
