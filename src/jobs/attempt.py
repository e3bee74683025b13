"""One attempt at a job, from claim to ending."""

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Interrupt, raise_thread_exception

from src.jobs import codec
from src.jobs.context import Current
from src.jobs.declare import JobActor
from src.jobs.failure import describe
from src.queue.broker import message_of
from src.queue.finish import Ending

Why = Literal["cancelled", "given-back", "timeout", "lost"]


class Interrupted(Interrupt):
    """Raised in a thread at its next bytecode: the attempt is to stop."""


class Attempt(MessageProxy):
    """A claimed job. For dramatiq it is the message its threads work off.

    `settle_with` is called once with the ending, on whatever thread the attempt ended.
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        actor: "dramatiq.Actor[Any, Any]",
        say: Callable[["Attempt", float | None, str | None], None],
        settle_with: Callable[["Attempt", Ending | None], None],
    ) -> None:
        self.failed = False
        self._exception: BaseException | None = None
        self._row = row
        self.id: UUID = row["message_id"]
        self.fence: int = row["fence"]
        self.priority: int = row["priority"]
        self.actor = actor
        self.current = Current(
            id=self.id,
            actor=row["actor"],
            tenant=row["tenant"],
            attempt=row["attempts"],
            crashes=row["crashes"],
            request_id=row["request_id"],
            traceparent=row["traceparent"],
            say=lambda fraction, message: say(self, fraction, message),
        )
        self._settle_with = settle_with
        self._ending: Ending | None = None
        self._why: Why | None = None
        self._thread: int | None = None
        self._lock = threading.Lock()
        self._settled = False

    @cached_property
    def _stored(self) -> dict[str, Any]:
        stored: dict[str, Any] = codec.loads(self._row["message"])
        return stored

    @cached_property
    def _message(self) -> "dramatiq.Message[Any]":
        """What dramatiq's proxy stands for; a task on the loop never needs it."""
        return message_of(self._row, self._stored["kwargs"], tuple(self._stored["args"]))

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters as stored."""
        args, stored = tuple(self._stored["args"]), self._stored["kwargs"]
        return self.actor.named(args, stored) if isinstance(self.actor, JobActor) else stored

    def __lt__(self, other: object) -> bool:
        return isinstance(other, Attempt) and (self.priority, self.id) < (other.priority, other.id)

    # What came of it

    def succeed(self, result: Any) -> None:
        """The actor returned."""
        try:
            self._ending = Ending(self.id, self.fence, "done", result=codec.dumps(result))
        except (TypeError, ValueError, RecursionError) as error:
            self.fail_with(TypeError(f"the result is no JSON: {error}"))

    def fail_with(self, error: BaseException) -> None:
        """The actor raised: it is tried again if it was declared so, else the job ends as error."""
        if isinstance(self.actor, JobActor) and self.current.attempt <= self.actor.declaration.retries:
            pause = self.actor.pause(self.current.attempt)
            self._ending = Ending(self.id, self.fence, "queued", pause=pause)
        else:
            self._ending = Ending(self.id, self.fence, "rejected", error=describe(error))

    def stop(self, why: Why) -> None:
        """The actor was stopped."""
        if why == "cancelled":
            self._ending = Ending(self.id, self.fence, "cancelled")
        elif why == "given-back":
            self._ending = Ending(self.id, self.fence, "queued", counted=False)
        elif why == "timeout":
            self.fail_with(TimeoutError("The attempt ran longer than this actor may."))
        else:
            self._ending = None

    @property
    def why(self) -> Why | None:
        """Why it is to stop, if it is."""
        return self._why

    def settle(self) -> None:
        """It is over: pass on the ending, once."""
        with self._lock:
            if self._settled:
                return
            self._settled = True
        self._settle_with(self, self._ending)

    def give_back(self) -> None:
        """It was never begun."""
        self.stop("given-back")
        self.settle()

    # Threads

    def begin_on_thread(self) -> None:
        """A thread takes it up."""
        with self._lock:
            self._thread = threading.get_ident()

    def end_on_thread(self) -> None:
        """The thread is done with it: no interrupt reaches it from now on."""
        with self._lock:
            self._thread = None

    def interrupt(self, why: Why) -> None:
        """Ask it to stop; on a thread it does so at its next bytecode."""
        with self._lock:
            if self._why is not None or self._settled:
                return
            self._why = why
            if self._thread is not None:
                raise_thread_exception(self._thread, Interrupted)  # type: ignore[no-untyped-call]
