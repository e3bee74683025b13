"""The messages that follow a job's end: the next step of a dramatiq pipeline, and callbacks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

import dramatiq

from sooner.jobs import codec
from sooner.jobs.declaring.options import MessageOptions
from sooner.jobs.failure import Failure, storable, text_of
from sooner.queue.finish import FollowUp


class NoFollowUp(Failure):
    """What is to follow a job cannot be told."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail, type="no-follow-up", title="What follows the job cannot be told", again=False
        )


def after_success(
    actor: "dramatiq.Actor[Any, Any]", message: Mapping[str, Any], options: MessageOptions, result: str
) -> tuple[FollowUp, ...]:
    """What follows a job that returned `result`, a JSON text. Raises NoFollowUp."""
    follow_ups = []
    if (name := options.on_success or actor.options.get("on_success")) is not None:
        follow_ups.append(_callback(actor, message, "on_success", name, codec.loads(result)))
    target = options.pipe_target or actor.options.get("pipe_target")
    if target is not None:
        follow_ups.append(_step(actor, message, target, result))
    return tuple(follow_ups)


def after_failure(
    actor: "dramatiq.Actor[Any, Any]",
    message: Mapping[str, Any],
    options: MessageOptions,
    error: BaseException,
) -> tuple[FollowUp, ...]:
    """What follows a job that failed for good. Raises NoFollowUp."""
    if (name := options.on_failure or actor.options.get("on_failure")) is None:
        return ()
    outcome = {"type": type(error).__name__, "message": storable(text_of(error))}
    # The text of an exception may tell anything: the callback is the operators', not the tenant's.
    return (_callback(actor, message, "on_failure", name, outcome)._replace(inherits_tenant=False),)


def _callback(
    actor: "dramatiq.Actor[Any, Any]", message: Mapping[str, Any], kind: str, name: str, outcome: Any
) -> FollowUp:
    try:
        target = actor.broker.get_actor(name)  # type: ignore[no-untyped-call]
    except dramatiq.ActorNotFound:
        raise NoFollowUp(f"{kind} names {name!r}, which is no actor here.") from None
    called = target.message_with_options(args=(message, outcome))
    return _follow_up(called, uuid5(UUID(message["message_id"]), kind))


def _step(
    actor: "dramatiq.Actor[Any, Any]", message: Mapping[str, Any], target: Mapping[str, Any], result: str
) -> FollowUp:
    try:
        step: dramatiq.Message[Any] = dramatiq.Message(**target)
        id = UUID(step.message_id)
        if not (step.options.get("pipe_ignore") or actor.options.get("pipe_ignore")):
            step = step.copy(args=(*step.args, codec.loads(result)))
        delay = step.options.get("delay")
        # One message that stands twice in a pipeline is two jobs.
        own = UUID(message["message_id"])
        return _follow_up(step, uuid5(own, "pipe_target") if id == own else id, delay)
    except (TypeError, ValueError, AttributeError):
        raise NoFollowUp("pipe_target is no message of dramatiq's.") from None


def _follow_up(message: "dramatiq.Message[Any]", id: UUID, delay: float | None = None) -> FollowUp:
    text = codec.dumps(message.copy(message_id=str(id)).asdict())
    return FollowUp(id, message.queue_name, text, None if delay is None else delay / 1000)
