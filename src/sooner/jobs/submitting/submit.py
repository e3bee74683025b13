"""Submitting: from an actor's name and parameters to a row."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sooner.jobs import codec
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.declaring.values import Values
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.row import Job
from sooner.jobs.secrets.seal import Owner, Sealer
from sooner.jobs.states import PRIORITIES, State
from sooner.jobs.submitting.idempotency import Fingerprints, Replay, are_same
from sooner.queue.batch import (
    Added,
    JobKind,
    NewJob,
    message,
)
from sooner.queue.enqueue import Enqueuer, IdempotencyConflict, UniqueConflict
from sooner.queue.ids import uuid7

#: Interned: comparing by identity is cheaper than by value.
_kind = lru_cache(maxsize=1024)(JobKind)


class Submission(NamedTuple):
    """A request for a job, with validated parameters."""

    actor: JobActor
    params: Mapping[str, Any]
    #: The parameters as the actor's `check` returned them.
    values: Values
    tenant: str | None
    request_id: str | None = None
    traceparent: str | None = None
    priority: str | None = None
    run_at: datetime | None = None
    delay: float | None = None
    cancel_after: float | None = None
    idempotency_key: str | None = None
    #: The mails to send at the job's end, as the row has them.
    notify: str | None = None


class Attach(Exception):
    """The actor is unique and such a job exists: `id`."""

    def __init__(self, id: UUID) -> None:
        super().__init__(str(id))
        self.id = id


class Submitter:
    """Turns submissions into rows."""

    def __init__(
        self, enqueuer: Enqueuer, fingerprints: Fingerprints, sealer: Sealer, *, retention_seconds: float
    ) -> None:
        self._enqueuer = enqueuer
        self._sealer = sealer
        self._fingerprints = fingerprints
        self._retention_seconds = retention_seconds

    async def submit(self, submission: Submission, id: UUID | None = None) -> Job:
        """Enqueue a submission; the result is the new job.

        Raises Replay where the idempotency key was used before for the same request, Invalid where it was used for
        another, Attach where the actor is unique and such a job waits or runs, ServiceUnavailable where secrets cannot
        be sealed, TenantMoves, and Unavailable when the database is away, after which the caller may try again.
        """
        id = id or uuid7()
        actor, params, sealed, limit_key = submission.actor, submission.params, None, None
        if actor.takes_secrets:
            params, sealed = self._seal(submission, id)
        if actor.is_limited:
            limit_key = await self._limit(submission)
        text = codec.dumps(params)
        new = self._row(submission, id, text, sealed, limit_key)
        try:
            added = await self._enqueuer.enqueue(new)
        except IdempotencyConflict as conflict:
            raise self._replay(submission, conflict) from None
        except UniqueConflict as conflict:
            raise Attach(conflict.id) from None
        return self._job(new, added, text)

    async def _limit(self, submission: Submission) -> str | None:
        """Register the job's limit; the result is its key."""
        limit = submission.actor.limit(submission.tenant, submission.values)
        if limit is None:
            return None
        await self._enqueuer.limits([limit])
        return limit.key

    def _seal(self, submission: Submission, id: UUID) -> tuple[Mapping[str, Any], str | None]:
        """The parameters as they may be stored, and the secrets among them as JSON."""
        secrets = submission.actor.secret_paths(submission.params, submission.values)
        if not secrets:
            return submission.params, None
        owner = Owner(submission.tenant, id, submission.actor.actor_name)
        return self._sealer.seal(submission.params, secrets, owner)

    async def check_replay(self, submission: Submission) -> None:
        """Raises Replay or Invalid as `submit` would for the idempotency key, and Unavailable."""
        if submission.idempotency_key is None:
            return
        actor = submission.actor.actor_name
        conflict = await self._enqueuer.holder(submission.tenant, actor, submission.idempotency_key)
        if conflict is not None:
            raise self._replay(submission, conflict)

    def _replay(self, submission: Submission, conflict: IdempotencyConflict) -> Replay | Invalid:
        actor, params, first = submission.actor.actor_name, submission.params, conflict.params
        if self._fingerprints.match(conflict.fingerprint, actor, params) or (
            first is not None and are_same(codec.loads(first), params)
        ):
            return Replay(conflict.id)
        return Invalid(
            [wrong("#", "this Idempotency-Key was used in the last 24 hours with other parameters")],
            "The Idempotency-Key was used before with other parameters: give each request a key of its own.",
        )

    def _row(
        self, submission: Submission, id: UUID, params: str, sealed: str | None, limit_key: str | None
    ) -> NewJob:
        actor, declared = submission.actor, submission.actor.declaration
        name, queue = actor.actor_name, actor.queue_name
        priority = declared.priority if submission.priority is None else PRIORITIES.index(submission.priority)
        return NewJob(
            message_id=id,
            kind=_kind(
                queue_name=queue,
                lane=actor.lane.name,
                actor=name,
                tenant=submission.tenant,
                priority=priority,
                retention=self._retention_seconds,
            ),
            message=message(id, queue, name, params),
            request_id=submission.request_id,
            traceparent=submission.traceparent,
            run_at=submission.run_at,
            delay=submission.delay,
            cancel_after=submission.cancel_after,
            idempotency_key=submission.idempotency_key,
            fingerprint=None
            if submission.idempotency_key is None
            else self._fingerprints.of(name, submission.params),
            limit_key=limit_key,
            unique_key=actor.unique_key(submission.tenant, submission.values),
            sealed=sealed,
            notify=submission.notify,
        )

    def _job(self, new: NewJob, added: Added, params: str) -> Job:
        return Job(
            id=new.message_id,
            actor=new.kind.actor,
            queue=new.kind.queue_name,
            state=State.WAITING,
            tenant=new.kind.tenant,
            priority=new.kind.priority,
            request_id=new.request_id,
            attempts=0,
            crashes=0,
            version=0,
            created_at=added.created_at,
            run_at=added.due_at,
            started_at=None,
            finished_at=None,
            expires_at=added.expires_at,
            progress=None,
            params=params,
            result=None,
            error=None,
            turn=added.turn,
        )
