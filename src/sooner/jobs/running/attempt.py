"""One attempt at a job, from claim to ending."""

import asyncio
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar
from uuid import UUID

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Interrupt, raise_thread_exception

from sooner.jobs.context import Current
from sooner.jobs.declaring.declare import JobActor, Misfit
from sooner.jobs.declaring.result import plain
from sooner.jobs.failure import (
    Failure,
    deciding,
    describe,
    storable,
)
from sooner.jobs.logging.job_log import JobLog, NumberedLine
from sooner.jobs.logging.line import Line
from sooner.jobs.running.follow_up import FollowUps
from sooner.jobs.running.stored import StoredMessage
from sooner.jobs.running.trace import trace
from sooner.jobs.secrets.disclosure import NOTHING, Disclosure
from sooner.jobs.secrets.seal import Opener, Owner
from sooner.process import logs
from sooner.queue.finish import Ending, FollowUp, Unstorable

log = logs.get(__name__)

T = TypeVar("T")

#: During a deploy, the seconds until an old worker tries a job again whose parameters fit the new version,
MISFIT_PAUSE = 5.0
#: and the seconds after which such a job fails, because no worker of a fitting version has come.
MISFIT_PATIENCE = 900.0
#: The most characters of a progress message.
LONGEST_WORD = 1_000

#: Why an attempt was interrupted. `exited`: a task of its actor raised SystemExit or KeyboardInterrupt.
Why = Literal["cancelled", "given-back", "timeout", "lost", "exited"]


class Interrupted(Interrupt):
    """Raised in an actor's thread at its next bytecode, to stop the attempt."""


class OutOfTime(Failure):
    """The attempt took longer than its actor's `time_limit`."""

    TYPE = "timeout"

    def __init__(self) -> None:
        detail = "The attempt ran longer than this actor may."
        super().__init__(detail, type=self.TYPE, title="The job took too long")


class Attempt(MessageProxy):
    """A claimed job. dramatiq's threads take it for a message.

    `settle_with` is called once with the ending, on the thread on which the attempt ended.
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        actor: "dramatiq.Actor[Any, Any]",
        say: Callable[["Attempt", float | None, str | None], None],
        put: Callable[["Attempt", str], bool],
        settle_with: Callable[["Attempt", Ending | None], None],
        opener: Opener,
    ) -> None:
        self.failed = False
        #: The exception that failed the attempt, until the attempt is settled.
        self.error: BaseException | None = None
        self._claimed = time.monotonic()
        self._exception: BaseException | None = None
        self._row = row
        self.id: UUID = row["message_id"]
        self.fence: int = row["fence"]
        #: It distinguishes this attempt from others at the same job.
        self.key: tuple[UUID, int] = (self.id, self.fence)
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
            say=_say_of(itself := weakref.ref(self)),
            put=_put_of(itself),
        )
        self._say = say
        self._put = put
        self._disclosure = NOTHING
        if row["sealed"] is not None:
            owner = Owner(row["tenant"], self.id, row["actor"])
            self._disclosure = Disclosure(row["sealed"], owner, opener)
        self._stored = StoredMessage(row, actor)
        self._settle_with = settle_with
        self._ending: Ending | None = None
        self._has_outcome = False
        self._why: Why | None = None
        self._cause: BaseException | None = None
        self._thread: int | None = None
        self._entered: float | None = None
        #: The seconds that the actor took on its thread.
        self.took: float | None = None
        #: A finalizer, which may put out or log, runs anywhere in its thread.
        self._lock = threading.RLock()
        self._settled = False
        self._log: JobLog | None = None

    def log(self, line: Line, most: int, keep: Callable[[NumberedLine], None]) -> None:
        """Keep a line of the log, of which the attempt has up to `most`, until the attempt is settled."""
        # Its secrets are hidden until then, and the line was made before this look.
        if self._settled:
            return
        if self._log is None:
            with self._lock:
                log_of_another_thread: JobLog | None = self._log
                self._log = log_of_another_thread or JobLog(self.id, self.current.attempt, self.fence, most)
        self._log.add(line, keep)

    def say(self, fraction: float | None, message: str | None) -> None:
        """Pass on the progress of the actor."""
        self._say(self, fraction, None if message is None else self._word(message))

    def put(self, piece: str) -> bool:
        """Pass on a piece of output, a JSON text; False where it is dropped, as too much or too late."""
        piece = self._disclosure.clean(piece)
        with self._lock:
            return not self._settled and self._put(self, piece)

    def _word(self, message: str) -> str:
        # Secrets are removed before the message is cut: half a secret would not be found.
        word = storable(self._disclosure.clean_word(str(message)))
        return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 1] + "…"

    @property
    def _message(self) -> "dramatiq.Message[Any]":
        """The message behind dramatiq's proxy."""
        return self._stored.message

    @property
    def began(self) -> float:
        """When the actor's code began: on a thread later than the claim, where the thread was not free."""
        return self._claimed if self._entered is None else self._entered

    @property
    def has_entered(self) -> bool:
        """Whether a thread has begun the actor's function."""
        return self._entered is not None

    @property
    def time_limit(self) -> float | None:
        """The most seconds that the attempt may take."""
        return self._stored.time_limit

    def read(self) -> None:
        """Read the message now, before one of dramatiq's threads does. Raises the error of a malformed message."""
        self._stored.message  # noqa: B018 - cached

    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments with which dramatiq's threads call the actor; none where all arguments have names."""
        return () if isinstance(self.actor, JobActor) else self._stored.args

    @property
    def kwargs(self) -> Mapping[str, Any]:
        """The named arguments of the actor's types, secrets opened. Raises NotOpenable, Unreadable, TooOld, Misfit."""
        self._stored.refuse_unfit()
        params = self._disclosure.params(self._stored.kwargs)
        if not isinstance(self.actor, JobActor):
            return params
        return self.actor.arguments(self.actor.named(self._stored.args, params))

    def __lt__(self, other: object) -> bool:
        return isinstance(other, Attempt) and (self.priority, self.id) < (other.priority, other.id)

    # Outcome

    def succeed(self, result: Any) -> None:
        """The actor returned."""
        if self._has_outcome:
            return
        try:
            text = self.actor.result.text(result) if isinstance(self.actor, JobActor) else plain(result)
            text = self._disclosure.clean(text)
            follow, otherwise = self._following(text)
        except Failure as failure:
            self.fail_with(failure, failure.__cause__)
        except Exception as error:  # noqa: BLE001 - a type's own functions may raise anything
            self.fail_with(deciding(error), error)
        else:
            self._end_with(
                Ending(self.id, self.fence, "done", result=text, follow=follow, otherwise=otherwise)
            )

    @property
    def has_outcome(self) -> bool:
        """Whether the attempt has an outcome."""
        return self._has_outcome

    def _following(self, result: str) -> tuple[tuple[FollowUp, ...], tuple[FollowUp, ...]]:
        """The messages that follow this result, and the messages that follow where it cannot be stored. Raises NoFollowUp."""
        if not self._stored.asks_for_more:
            return (), ()
        return self._follow_ups.after_success(result), self._follow_ups.after_failure(Unstorable())

    @property
    def _follow_ups(self) -> FollowUps:
        return FollowUps(self.actor, self._stored, self._disclosure, self.fence)

    def fail_with(self, error: BaseException, cause: BaseException | None = None) -> None:
        """The attempt failed: the job is tried again where its actor has retries left, else it ends as error.

        `cause` is the exception that was raised, where `error` is another one that explains it.
        """
        hopeless = isinstance(error, Misfit) or (isinstance(error, Failure) and not error.again)
        self.error = cause or error
        error_document = describe(error, self._disclosure.clean_word)
        raised = trace(self.error)
        if self.current.attempt <= self._stored.retries and not hopeless:
            pause = self._stored.pause(self.current.attempt)
            self._end_with(
                Ending(self.id, self.fence, "queued", error=error_document, pause=pause, raised=raised)
            )
        else:
            self._end_with(
                Ending(
                    self.id,
                    self.fence,
                    "rejected",
                    error=error_document,
                    raised=raised,
                    follow=self._follow_ups.after_failure(error),
                )
            )

    def raised(self, error: BaseException) -> None:
        """The actor raised an exception, by itself or because it was stopped. Raises nothing: the job has to end.

        The first call counts: for an actor on a thread, dramatiq's middleware reports the same exception again, or another.
        """
        if self._has_outcome:
            return
        try:
            self._raised(error)
        except BaseException as worse:  # noqa: BLE001 - an exception's own code may raise anything
            log.error(  # noqa: TRY400 - logging the exception itself has just failed
                "an exception that cannot be told", job=str(self.id), by=type(worse).__name__
            )
            failure = Failure(
                "The exception's own code failed: it has no text.",
                type=type(error).__name__,
                again=False,
            )
            self.fail_with(failure, failure)

    def _raised(self, error: BaseException) -> None:
        cause, error = error, deciding(error)
        if isinstance(error, MemoryError):
            # Its frames hold the objects that filled the memory.
            traceback.clear_frames(error.__traceback__)
        if self._why is not None:
            self.stop(self._why, cause)
        elif isinstance(error, MemoryError):
            # Any job in the process may get the MemoryError of the one that filled it: the last chance, alone, shows which.
            self._end_with(Ending(self.id, self.fence, "lost"))
        elif isinstance(error, Misfit) and self._may_be_newer():
            log.warning("parameters of a newer version: left for a worker that takes them", job=str(self.id))
            self._end_with(Ending(self.id, self.fence, "queued", pause=MISFIT_PAUSE, counted=False))
        elif isinstance(error, asyncio.CancelledError):
            self.fail_with(
                Failure(
                    "The actor raised CancelledError, but nobody had cancelled the job.",
                    type="cancelled-itself",
                    title="The actor cancelled itself",
                ),
                cause,
            )
        else:
            self.fail_with(error, cause)

    def _may_be_newer(self) -> bool:
        """Whether a newer version of the actor, which other workers may have soon, may take the parameters."""
        return self._stored.was_checked and self._row["age"] < MISFIT_PATIENCE

    def stop(self, why: Why, raised: BaseException | None = None) -> None:
        """The actor was stopped; the traceback of `raised` shows where."""
        if why == "cancelled":
            self._end_with(Ending(self.id, self.fence, "cancelled"))
        elif why == "given-back":
            self._end_with(Ending(self.id, self.fence, "queued", counted=False))
        elif why == "timeout":
            self.fail_with(OutOfTime(), raised)
        elif why == "exited":
            self.fail_with(self._cause or SystemExit())
        else:
            self._end_with(None)

    def _end_with(self, ending: Ending | None) -> None:
        if ending is not None and (limit_key := self._row["limit_key"]) is not None:
            ending = ending._replace(limit_key=limit_key)
        self._ending, self._has_outcome = ending, True

    def settle(self) -> None:
        """Pass on the ending, once, and forget the secrets."""
        logs.finish_printing()
        if self._pass_on():
            self._disclosure.end()

    def give_back(self) -> None:
        """Give back an attempt that never began or does not end in time. Its secrets stay hidden while it may run on."""
        self.stop("given-back")
        self._pass_on()

    def _pass_on(self) -> bool:
        with self._lock:
            if self._settled:
                return False
            self._settled = True
        if not self._has_outcome:
            self.fail_with(RuntimeError("the attempt ended without an outcome"))
        try:
            self._settle_with(self, self._ending)
        finally:
            # Its frames refer to the attempt: only a full garbage collection would find such a circle.
            self.error = None
        return True

    # Threads

    def on_thread(self, call: Callable[[], T]) -> T:
        """Run a synchronous actor on this thread; interrupts reach the actor, and no code of dramatiq's around it.

        Raises the call's exceptions, and Interrupted.
        """
        try:
            try:
                self._enter_thread()
                return call()
            finally:
                self._leave_thread()
        except Interrupted:
            # The interrupt may have come while the thread was leaving. It comes once, so leaving again is safe.
            self._leave_thread()
            raise

    def _enter_thread(self) -> None:
        with self._lock:
            if self._why is not None:
                raise Interrupted
            self._thread = threading.get_ident()
            self._entered = time.monotonic()

    def _leave_thread(self) -> None:
        with self._lock:
            self._thread = None
            if self._entered is not None:
                self.took = time.monotonic() - self._entered

    @property
    def is_on_thread(self) -> bool:
        """Whether the actor's function is running on a thread."""
        return self._thread is not None

    @property
    def is_stopping(self) -> bool:
        """Whether the attempt was asked to stop."""
        return self._why is not None

    def interrupt(self, why: Why, cause: BaseException | None = None) -> bool:
        """Ask the attempt to stop, on a thread at its next bytecode. True for the first call alone."""
        with self._lock:
            if self._why is not None or self._settled:
                return False
            self._why, self._cause = why, cause
            if self._thread is not None:
                raise_thread_exception(self._thread, Interrupted)  # type: ignore[no-untyped-call]
            return True


def _say_of(attempt: "weakref.ref[Attempt]") -> Callable[[float | None, str | None], None]:
    """The function by which a job's code reports progress.

    It refers to the attempt weakly, as the attempt refers to it: only a full garbage collection would find such a
    circle, which stops the process for 20 ms every few thousand jobs.
    """

    def say(fraction: float | None, message: str | None) -> None:
        if (its := attempt()) is not None:
            its.say(fraction, message)

    return say


def _put_of(attempt: "weakref.ref[Attempt]") -> Callable[[str], bool]:
    """The function by which a job's code puts out pieces."""

    def put(piece: str) -> bool:
        return (its := attempt()) is not None and its.put(piece)

    return put
