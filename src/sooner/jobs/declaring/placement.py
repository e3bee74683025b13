"""Where a message of an actor is to lie."""

from collections.abc import Mapping
from typing import Any

import dramatiq

from sooner.jobs import codec
from sooner.jobs.declaring.declare import JobActor
from sooner.queue.broker import Placement
from sooner.queue.lane import Lane


def lane_of(actor: "dramatiq.Actor[Any, Any]") -> Lane:
    """The lane of its jobs. dramatiq's own actors know nothing of lanes: their messages lie in the queue's own."""
    return actor.lane if isinstance(actor, JobActor) else Lane(actor.queue_name)


def placement_of_text(actor: "dramatiq.Actor[Any, Any]", message: str, tenant: str | None) -> Placement:
    """The same for a message as it is stored."""
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
    """The place of a message that nobody has looked at: parameters that do not fit count as they are, until they fail."""
    lane = lane_of(actor)
    if not isinstance(actor, JobActor) or not actor.is_counted:
        return Placement(lane)
    params = actor.named(args, kwargs)
    try:
        values = actor.check(params)
    except Exception:  # noqa: BLE001 - a team's check may raise anything, and shall spoil no other's place
        values = params
    return Placement(lane, actor.limit(tenant, values), actor.unique_key(tenant, values))
