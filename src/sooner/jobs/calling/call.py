"""A call: a submission by code, made ready for the table."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import dramatiq
import dramatiq.broker

from sooner.jobs import codec
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.declaring.numbers import LONGEST
from sooner.jobs.declaring.placement import placement
from sooner.jobs.failure import storable
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.secrets.seal import Owner, Sealer
from sooner.jobs.states import PRIORITIES
from sooner.queue.batch import JobKind, NewJob, message
from sooner.queue.broker import Origin
from sooner.queue.enqueue import LimitRow
from sooner.queue.ids import uuid7
from sooner.queue.lane import Lane


class Call(NamedTuple):
    """The arguments of `submit`. `actor` is a name where this program does not declare the actor."""

    actor: "dramatiq.Actor[Any, Any] | str"
    params: Mapping[str, Any]
    origin: Origin
    priority: str | None = None
    run_at: datetime | None = None
    delay: float | None = None
    cancel_after: float | None = None
    idempotency_key: str | None = None

    def check(self) -> None:
        """Raises Invalid for unfit options."""
        if self.priority is not None and self.priority not in PRIORITIES:
            raise Invalid([wrong("#/priority", f"priority is one of {', '.join(PRIORITIES)}")])
        if self.run_at is not None:
            _check_time(self.run_at)
        if self.run_at is not None and self.delay is not None:
            raise Invalid([wrong("#/delay", "either delay or run_at")])
        for name, seconds in (("delay", self.delay), ("cancel_after", self.cancel_after)):
            if seconds is not None and not _are_seconds(seconds):
                raise Invalid(
                    [wrong(f"#/{name}", f"{name} is a number of seconds from now, from 0 to {LONGEST}")]
                )
        tenant: Any = self.origin.tenant
        if tenant is not None and not (isinstance(tenant, str) and storable(tenant) == tenant):
            raise Invalid([wrong("#/tenant", "tenant is a text, of characters that PostgreSQL stores")])
        key: Any = self.idempotency_key
        if key is not None and not (
            isinstance(key, str)
            and 1 <= len(key) <= 255
            and key.isascii()
            and key.isprintable()
            and " " not in key
        ):
            raise Invalid([wrong("#/idempotency_key", "1 to 255 visible ASCII characters are needed")])


def _check_time(at: Any) -> None:
    """Raises Invalid for what is no time with its zone, or lies so far ahead that the job could not be read."""
    if not isinstance(at, datetime):
        raise Invalid([wrong("#/run_at", "run_at is a datetime with its zone: datetime(…, tzinfo=UTC)")])
    if at.tzinfo is None:
        raise Invalid([wrong("#/run_at", "a time needs its zone: datetime(…, tzinfo=UTC)")])
    if at - datetime.now(UTC) > timedelta(seconds=LONGEST):
        raise Invalid([wrong("#/run_at", "run_at lies at most a hundred years ahead")])


def _are_seconds(value: Any) -> bool:
    """Whether a value is a number of seconds from now; NaN is not."""
    try:
        return bool(0 <= value <= LONGEST)
    except TypeError:
        return False


class Ready(NamedTuple):
    """A job to add, with its limit, where this program declares its actor."""

    job: NewJob
    limit: LimitRow | None


def declared(actor: Any) -> "dramatiq.Actor[Any, Any] | str":
    """The actor, or its name where this program does not declare it. Raises TypeError for any other value."""
    if isinstance(actor, dramatiq.Actor):
        return actor
    if not isinstance(actor, str):
        raise TypeError(f"an actor, or its name, is needed, not {type(actor).__qualname__}")
    # get_broker() would make a broker where there is none.
    broker = dramatiq.broker.global_broker
    return actor if broker is None else broker.actors.get(actor, actor)


def plain(params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Parameters as the JSON text to store, and as the values of this text. Raises Invalid where they have no JSON."""
    if not isinstance(params, Mapping):
        raise Invalid([wrong("#", f"an object is needed, not {type(params).__name__}")])
    try:
        text = codec.dumps(params, default=_in_clear)
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid([wrong("#", f"the parameters are no JSON: {error}")]) from None
    if "null" in text and codec.has_no_number(params):
        raise Invalid([wrong("#", "NaN and infinities are no JSON numbers")])
    try:
        body = text.encode()
    except UnicodeEncodeError:
        raise Invalid([wrong("#", "a lone surrogate is no character")]) from None
    return text, codec.read_object(body)


def _in_clear(value: Any) -> Any:
    """A value of a type that JSON does not have as one that it has; a secret in clear, which pydantic would write as marks."""
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"{type(value).__name__} is no type that JSON has")


def ready(call: Call, sealer: Sealer, *, retention: float) -> Ready:
    """The row of a call whose actor this program declares.

    Raises Invalid for unfit parameters, ServiceUnavailable where a secret cannot be sealed.
    """
    actor, id = call.actor, uuid7()
    if isinstance(actor, str):
        raise TypeError(f"{actor} is not declared here")
    text, params = plain(call.params)
    tenant, sealed = call.origin.tenant, None
    if isinstance(actor, JobActor):
        values = actor.check(params)
        lane, limit, unique_key = actor.lane, actor.limit(tenant, values), actor.unique_key(tenant, values)
        urgency = actor.declaration.priority
        if secrets := actor.secret_paths(params, values):
            sealed_params, sealed = sealer.seal(params, secrets, Owner(tenant, id, actor.actor_name))
            text = codec.dumps(sealed_params)
    else:
        lane, limit, unique_key, urgency = placement(actor, (), params, tenant)
    priority = urgency if call.priority is None else PRIORITIES.index(call.priority)
    job = NewJob(
        message_id=id,
        kind=JobKind(
            queue_name=lane.queue,
            lane=lane.name,
            actor=actor.actor_name,
            tenant=tenant,
            priority=priority,
            retention=retention,
            of_job=call.origin.of_job,
        ),
        message=message(id, lane.queue, actor.actor_name, text),
        request_id=call.origin.request_id,
        traceparent=call.origin.traceparent,
        run_at=call.run_at,
        delay=call.delay,
        cancel_after=call.cancel_after,
        idempotency_key=call.idempotency_key,
        limit_key=None if limit is None else limit.key,
        unique_key=unique_key,
        sealed=sealed,
        parent=call.origin.parent,
    )
    return Ready(job, limit)


def enqueue_values(job: NewJob) -> dict[str, Any]:
    """A job's parameters of the query `enqueue_one`, but for those that all jobs share.

    A limited job goes to the queue's plain lane, from which a worker moves it to its limited lane: otherwise the caller's
    transaction would lock the limit's row.
    """
    kind = job.kind
    is_limited = Lane.read(kind.lane).is_limited
    return {
        "id": str(job.message_id),
        "queue": kind.queue_name,
        "lane": kind.queue_name if is_limited else kind.lane,
        "word": "stray" if is_limited else "",
        "actor": kind.actor,
        "message": job.message,
        "tenant": kind.tenant,
        "priority": kind.priority,
        "request_id": job.request_id,
        "traceparent": job.traceparent,
        "parent": _text(job.parent),
        "run_at": None if job.run_at is None else job.run_at.isoformat(),
        "delay": job.delay,
        "cancel_after": job.cancel_after,
        "idempotency_key": job.idempotency_key,
        "unique_key": job.unique_key,
        "sealed": job.sealed,
        "of_job": kind.of_job,
    }


def submit_values(id: UUID, call: Call) -> dict[str, Any]:
    """A call's parameters of the query `submit_one`. Raises Invalid."""
    return {
        "id": str(id),
        "actor": call.actor,
        "params": plain(call.params)[0],
        "tenant": call.origin.tenant,
        "priority": call.priority,
        "run_at": None if call.run_at is None else call.run_at.isoformat(),
        "delay": call.delay,
        "cancel_after": call.cancel_after,
        "idempotency_key": call.idempotency_key,
        "request_id": call.origin.request_id,
        "traceparent": call.origin.traceparent,
        "parent": _text(call.origin.parent),
        "of_job": call.origin.of_job,
    }


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)
