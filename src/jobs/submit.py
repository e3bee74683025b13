"""Submitting: from an actor's name and parameters to a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from src.jobs import codec
from src.jobs.declare import JobActor
from src.jobs.row import Job
from src.jobs.states import PRIORITIES, State
from src.queue.enqueue import Enqueuer, NewJob, message
from src.queue.ids import uuid7


@dataclass(frozen=True, slots=True)
class Submission:
    """A request for a job whose parameters were found good."""

    actor: JobActor
    params: Mapping[str, Any]
    tenant: str | None
    request_id: str | None = None
    traceparent: str | None = None
    priority: str | None = None
    run_at: datetime | None = None
    delay: float | None = None
    cancel_after: float | None = None


class Submitter:
    """Turns submissions into rows."""

    def __init__(self, enqueuer: Enqueuer, *, retention_seconds: float) -> None:
        self._enqueuer = enqueuer
        self._retention_seconds = retention_seconds

    async def submit(self, submission: Submission, id: UUID | None = None) -> Job:
        """Enqueue: the job as it begins. Raises Unavailable when the database is away: try again."""
        limit = submission.actor.limit(submission.tenant, submission.params)
        if limit is not None:
            await self._enqueuer.limits([limit])
        key = None if limit is None else limit.key
        new = self._row(submission, id or uuid7(), codec.dumps(submission.params), key)
        row = await self._enqueuer.enqueue(new)
        return self._job(submission, new, row)

    def _row(self, submission: Submission, id: UUID, params: str, limit_key: str | None) -> NewJob:
        actor = submission.actor
        return NewJob(
            message_id=id,
            queue_name=actor.queue_name,
            lane=actor.lane,
            actor=actor.actor_name,
            message=message(id, actor.queue_name, actor.actor_name, params),
            tenant=submission.tenant,
            priority=self._priority(submission),
            request_id=submission.request_id,
            traceparent=submission.traceparent,
            run_at=submission.run_at,
            delay=submission.delay,
            cancel_after=submission.cancel_after,
            retention=self._retention_seconds,
            idempotency_key=None,
            fingerprint=None,
            limit_key=limit_key,
        )

    @staticmethod
    def _priority(submission: Submission) -> int:
        if submission.priority is None:
            return submission.actor.declaration.priority
        return PRIORITIES.index(submission.priority)

    def _job(self, submission: Submission, new: NewJob, row: Mapping[str, Any]) -> Job:
        return Job(
            id=new.message_id,
            actor=new.actor,
            queue=new.queue_name,
            state=State.WAITING,
            tenant=new.tenant,
            priority=new.priority,
            request_id=new.request_id,
            attempts=0,
            crashes=0,
            version=0,
            created_at=row["created_at"],
            run_at=row["due_at"],
            started_at=None,
            finished_at=None,
            expires_at=row["expires_at"],
            progress=None,
            params=codec.dumps(submission.params),
            result=None,
            error=None,
        )
