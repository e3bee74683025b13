"""The messages that follow a job's end: the next step of a dramatiq pipeline, and callbacks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

import dramatiq

from sooner.jobs import codec
from sooner.jobs.failure import Failure, storable, text_of
from sooner.jobs.running.stored import StoredMessage
from sooner.jobs.secrets.disclosure import Disclosure
from sooner.process import logs
from sooner.queue.finish import FollowUp

log = logs.get(__name__)


class NoFollowUp(Failure):
    """The message that should follow the job cannot be made."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail, type="no-follow-up", title="The message that follows the job cannot be made", again=False
        )


class FollowUps:
    """Makes the messages that follow one attempt, by the options of its message and actor. They hold none of its secrets."""

    def __init__(
        self, actor: "dramatiq.Actor[Any, Any]", stored: StoredMessage, disclosure: Disclosure, fence: int
    ) -> None:
        self._actor = actor
        self._stored = stored
        self._disclosure = disclosure
        self._fence = fence

    def after_success(self, result: str) -> tuple[FollowUp, ...]:
        """The messages that follow a job which returned `result`, a JSON text. Raises NoFollowUp."""
        message, options, found = self._stored.message, self._stored.options, []
        if (name := options.on_success or self._actor.options.get("on_success")) is not None:
            found.append(self._callback(message, "on_success", name, codec.loads(result)))
        if (target := options.pipe_target or self._actor.options.get("pipe_target")) is not None:
            found.append(self._step(message, target, result))
        return tuple(found)

    def after_failure(self, error: BaseException) -> tuple[FollowUp, ...]:
        """The messages that follow a job which failed for good; none where they cannot be made."""
        options = self._stored.options_or_none
        try:
            if (name := options.on_failure or self._actor.options.get("on_failure")) is None:
                return ()
            outcome = {"type": type(error).__name__, "message": storable(text_of(error))}
            called = self._callback(self._stored.message, "on_failure", name, outcome)
        except Exception as failure:
            log.exception("no callback", error=text_of(failure))
            return ()
        # An exception's text may hold secrets: the callback's job belongs to the operators, not to the tenant.
        return (called._replace(inherits_tenant=False, message=self._disclosure.clean(called.message)),)

    def _callback(self, message: "dramatiq.Message[Any]", kind: str, name: str, outcome: Any) -> FollowUp:
        try:
            target = self._actor.broker.get_actor(name)  # type: ignore[no-untyped-call]
        except dramatiq.ActorNotFound:
            raise NoFollowUp(f"{kind} names {name!r}, which is no actor here.") from None
        called = target.message_with_options(args=(message.asdict(), outcome))
        # A retried job ends again, with a message of another id.
        return _follow_up(called, uuid5(UUID(message.message_id), f"{kind} {self._fence}"))

    def _step(self, message: "dramatiq.Message[Any]", target: Mapping[str, Any], result: str) -> FollowUp:
        try:
            step: dramatiq.Message[Any] = dramatiq.Message(**target)
            id = UUID(step.message_id)
            if not (step.options.get("pipe_ignore") or self._actor.options.get("pipe_ignore")):
                step = step.copy(args=(*step.args, codec.loads(result)))
            delay = step.options.get("delay")
            # The same message twice in a pipeline is two jobs.
            own = UUID(message.message_id)
            return _follow_up(step, uuid5(own, "pipe_target") if id == own else id, delay)
        except (TypeError, ValueError, AttributeError):
            raise NoFollowUp("pipe_target is no message of dramatiq's.") from None


def _follow_up(message: "dramatiq.Message[Any]", id: UUID, delay: float | None = None) -> FollowUp:
    members = {**message.copy(message_id=str(id)).asdict(), "unchecked": True}
    return FollowUp(
        id=id,
        queue_name=message.queue_name,
        message=codec.dumps(members),
        delay=None if delay is None else delay / 1000,
    )
