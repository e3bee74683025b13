"""The placement of an actor's messages."""

from collections.abc import Iterable, Mapping
from typing import Any

import dramatiq

from sooner.jobs import codec
from sooner.jobs.declaring.declare import JobActor
from sooner.queue.broker import Placement
from sooner.queue.enqueue import LimitRow
from sooner.queue.lane import Lane


def lane_of(actor: "dramatiq.Actor[Any, Any]") -> Lane:
    """The lane of an actor's jobs; dramatiq's own actors, which know no lanes, use the queue's plain lane."""
    return actor.lane if isinstance(actor, JobActor) else Lane(actor.queue_name)


def limits_of(actors: Iterable["dramatiq.Actor[Any, Any]"]) -> list[LimitRow]:
    """What the actors declare for each of their keys, under the actor's name."""
    limits = [actor.limit_of_each_key for actor in actors if isinstance(actor, JobActor)]
    return [limit for limit in limits if limit is not None]


def placement_of_text(actor: "dramatiq.Actor[Any, Any]", message: str, tenant: str | None) -> Placement:
    """The placement of a stored message."""
    stored = codec.loads(message)
    args, kwargs = stored.get("args"), stored.get("kwargs")
    fits = isinstance(args, list) and isinstance(kwargs, dict)
    return placement(actor, tuple(args), kwargs, tenant) if fits else placement(actor, (), {}, tenant)


def placement(
    actor: "dramatiq.Actor[Any, Any]",
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    tenant: str | None = None,
) -> Placement:
    """The placement of an unchecked message. Parameters that do not fit count unconverted: the job fails when it runs."""
    lane = lane_of(actor)
    if not isinstance(actor, JobActor):
        return Placement(lane)
    if not actor.is_counted:
        return Placement(lane, priority=actor.declaration.priority)
    params = actor.named(args, kwargs)
    try:
        values = actor.check(params)
    except Exception:  # noqa: BLE001 - a team's check may raise anything, and must not spoil other jobs' placements
        values = params
    limit, unique_key = actor.limit(tenant, values), actor.unique_key(tenant, values)
    return Placement(lane, limit, unique_key, actor.declaration.priority)
