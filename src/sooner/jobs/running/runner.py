"""Running claimed jobs: async actors as tasks on this loop, the others on dramatiq's threads."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from types import FrameType
from typing import Any, TypeGuard
from uuid import UUID

import dramatiq

from sooner.jobs.context import Current, enter
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.logging.job_log import NumberedLine
from sooner.jobs.logging.line import Line
from sooner.jobs.output.writer import OutputWriter
from sooner.jobs.running import record
from sooner.jobs.running.attempt import Attempt, Why
from sooner.jobs.running.prefetch import Prefetch
from sooner.jobs.running.tasks import ActorTask
from sooner.jobs.secrets.seal import Opener
from sooner.queue.finish import Ending, Finisher
from sooner.queue.worker_lease import MOST_CRASHES

#: With more unwritten endings than this, no attempt begins: workers must not outrun a slow database.
MOST_UNWRITTEN = 1000

#: The seconds that an actor may take to clean up before its job is given back anyway.
CLEAN_UP_SECONDS = 1.0

#: With this many crashes, a job's next attempt is its last chance.
LAST_CHANCE = MOST_CRASHES - 1

Key = tuple[UUID, int]
Settle = Callable[[Attempt, Ending | None], None]
#: Starts a span of an attempt: takes its row and its Settle, and returns both as the span wants them.
StartSpan = Callable[[Mapping[str, Any], Settle], tuple[Mapping[str, Any], Settle]]


class Runner:
    """Begins and ends attempts, on the worker's event loop.

    `note` gets the duration of each run in seconds; `to_thread` hands an attempt to dramatiq's threads; `room_again` is
    called whenever an attempt ends; `start_span` is None where spans are off.
    """

    def __init__(
        self,
        actors: Mapping[str, "dramatiq.Actor[Any, Any]"],
        finisher: Finisher,
        output: OutputWriter,
        to_thread: Callable[[Attempt], None],
        note: Callable[[str, float], None],
        opener: Opener,
        *,
        tasks: int,
        threads: int,
    ) -> None:
        self._actors = actors
        self._finisher = finisher
        self._output = output
        self._to_thread = to_thread
        self._note = note
        self._opener = opener
        self._loop = asyncio.get_running_loop()
        self._free_tasks = tasks
        self._free_threads = threads
        self._prefetch = Prefetch(threads)
        self._attempts: dict[Key, Attempt] = {}
        self._newest: dict[UUID, Attempt] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._last_chances = 0
        self._waiting: Counter[UUID] = Counter()
        self.room_again: Callable[[], None] = lambda: None
        self.start_span: StartSpan | None = None
        #: Writes a line of a job's log, of which an attempt has up to `most_lines`; None where logs are not kept.
        self.write_line: Callable[[NumberedLine], None] | None = None
        self.most_lines = 0
        finisher.on_written = self._written
        self._idle = asyncio.Event()
        self._idle.set()

    # Room

    def task_room(self) -> int:
        """The number of async actors that may begin."""
        return self._room(self._free_tasks)

    def thread_room(self) -> int:
        """The number of synchronous actors that may begin, or that may wait a moment for a thread."""
        return self._room(self._free_threads + self._prefetch.jobs)

    def last_chance_room(self) -> int:
        """The number of jobs on their last chance that may begin: 1 or 0, for they run one at a time."""
        return min(1, self.task_room(), self.thread_room())

    def _room(self, free: int) -> int:
        # A job that begins beside one on its last chance could be the one that kills the worker.
        return 0 if self._last_chances else min(free, MOST_UNWRITTEN - self._finisher.unwritten)

    @contextlib.contextmanager
    def waiting(self, job: Current) -> Iterator[None]:
        """A context in which a job on the loop waits for other jobs: they may use its place, so that they need not wait for it."""
        attempt = self._newest.get(job.id)
        on_loop = asyncio.get_running_loop() is self._loop
        if attempt is None or attempt.current is not job or attempt.key not in self._tasks or not on_loop:
            yield
            return
        self._waiting[job.id] += 1
        if self._waiting[job.id] == 1:
            self._free_tasks += 1
            self.room_again()
        try:
            yield
        finally:
            self._waiting[job.id] -= 1
            if not self._waiting[job.id]:
                del self._waiting[job.id]
                self._free_tasks -= 1

    @property
    def held(self) -> list[UUID]:
        """The jobs that run here."""
        return [attempt.id for attempt in self._attempts.values()]

    def known(self) -> list[UUID]:
        """The jobs that run here, and the jobs whose endings are not yet written."""
        return [*self._newest, *self._finisher.unwritten_ids]

    # Beginning

    def start(self, row: Mapping[str, Any]) -> None:
        """Begin an attempt at a claimed job."""
        if self._goes_on(row):
            return
        actor = self._actors[row["actor"]]
        settled: Settle = self._settled
        if self.start_span is not None:
            row, settled = self.start_span(row, settled)
        attempt = Attempt(row, actor, self._say, self._put, settled, self._opener)
        self._attempts[attempt.key] = self._newest[attempt.id] = attempt
        self._last_chances += attempt.current.crashes >= LAST_CHANCE
        self._idle.clear()
        if runs_on_loop(actor):
            self._start_task(attempt, actor)
        else:
            self._start_on_thread(attempt)
        self._limit_time(attempt)

    def _goes_on(self, row: Mapping[str, Any]) -> bool:
        """Whether the job runs here already: a crash of the server undid its claim, and it was claimed once more."""
        attempt = self._newest.get(row["message_id"])
        if attempt is None or attempt.is_stopping:
            return False
        attempt.fence = row["fence"]
        self._output.moved(attempt.key, attempt.fence)
        return True

    def _start_task(self, attempt: Attempt, actor: JobActor) -> None:
        self._free_tasks -= 1
        task = self._tasks[attempt.key] = asyncio.create_task(self._run(attempt, actor))
        task.add_done_callback(partial(self._task_ended, attempt))

    def _start_on_thread(self, attempt: Attempt) -> None:
        self._free_threads -= 1
        try:
            attempt.read()
        except Exception as error:  # noqa: BLE001 - a malformed message ends its own job
            attempt.raised(error)
            attempt.settle()
        else:
            self._to_thread(attempt)

    def _limit_time(self, attempt: Attempt) -> None:
        if (seconds := attempt.time_limit) is not None:
            self._timers[attempt.key] = self._loop.call_later(seconds, self._check_time, attempt, seconds)

    def _check_time(self, attempt: Attempt, seconds: float) -> None:
        """Stop an attempt that is out of time. On a thread its time runs from when the thread began it."""
        left = 0.0
        if attempt.key not in self._tasks:
            left = attempt.began + seconds - time.monotonic() if attempt.has_entered else seconds
        if left > 0:
            self._timers[attempt.key] = self._loop.call_later(left, self._check_time, attempt, seconds)
        else:
            self._interrupt(attempt, "timeout")

    async def _run(self, attempt: Attempt, actor: JobActor) -> None:
        enter(attempt.current)
        try:
            attempt.succeed(await actor.run(**attempt.kwargs))
        except BaseException as error:  # noqa: BLE001 - whatever an actor raises ends its job, and no other's
            attempt.raised(error)
        attempt.settle()

    def _task_ended(self, attempt: Attempt, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            # The task was cancelled before its coroutine began.
            attempt.raised(asyncio.CancelledError())
            attempt.settle()

    # Ending

    def _settled(self, attempt: Attempt, ending: Ending | None) -> None:
        if attempt.key in self._tasks:
            self._written_out(attempt, ending)
        else:
            self._loop.call_soon_threadsafe(self._written_out, attempt, ending)

    def _written_out(self, attempt: Attempt, ending: Ending | None) -> None:
        """The attempt ends once its output is written, so that nobody sees the end of a job before its output."""
        if self._output.holds(attempt.key):
            self._output.end(attempt.key, partial(self._ended, attempt, ending))
        else:
            self._ended(attempt, ending)

    def _ended(self, attempt: Attempt, ending: Ending | None) -> None:
        del self._attempts[attempt.key]
        if self._newest.get(attempt.id) is attempt:
            del self._newest[attempt.id]
        self._last_chances -= attempt.current.crashes >= LAST_CHANCE
        if (timer := self._timers.pop(attempt.key, None)) is not None:
            timer.cancel()
        if self._tasks.pop(attempt.key, None) is not None:
            self._free_tasks += 1
        else:
            self._free_threads += 1
            if attempt.took is not None:
                self._prefetch.note(attempt.took)
        record.note(attempt, ending)
        if ending is not None:
            self._finisher.finish(ending)
            if ending.state in ("done", "rejected"):
                self._note(attempt.current.actor, time.monotonic() - attempt.began)
        self._written()

    def _written(self) -> None:
        if self.is_idle:
            self._idle.set()
        self.room_again()

    def _say(self, attempt: Attempt, fraction: float | None, message: str | None) -> None:
        word = {"fraction": fraction, "message": message}
        if attempt.key in self._tasks:
            self._finisher.progress(attempt.id, attempt.fence, word)
        else:
            self._loop.call_soon_threadsafe(self._finisher.progress, attempt.id, attempt.fence, word)

    def _put(self, attempt: Attempt, piece: str) -> bool:
        return self._output.add(attempt.key, attempt.fence, piece)

    def output_room(self, job: Current) -> Awaitable[None] | None:
        """What ends once not too much of a job's output is unwritten; None where it is not too much."""
        attempt = self._newest.get(job.id)
        return None if attempt is None or attempt.current is not job else self._output.room(attempt.key)

    def write_before_endings(self, write: Callable[[], Awaitable[None]]) -> None:
        """Await this before each statement that writes endings."""
        self._finisher.before_writing = write

    def log(self, job: Current, line: Line) -> None:
        """Keep a line that the code of a job said, on any thread, if that attempt still runs."""
        attempt = self._newest.get(job.id)
        if self.write_line is not None and attempt is not None and attempt.current is job:
            attempt.log(line, self.most_lines, self.write_line)

    # Stopping

    def interrupt(self, id: UUID, why: Why) -> None:
        """Stop a job, if it runs here: an async actor at its next await, a synchronous actor at its next bytecode."""
        for attempt in [attempt for attempt in self._attempts.values() if attempt.id == id]:
            self._interrupt(attempt, why)

    def exited(self, job: Current, error: BaseException) -> None:
        """A task of the job's code raised SystemExit or KeyboardInterrupt: this ends the job, where it still runs."""
        attempt = self._newest.get(job.id)
        if attempt is not None and attempt.current is job:
            self._interrupt(attempt, "exited", error)

    def _interrupt(self, attempt: Attempt, why: Why, cause: BaseException | None = None) -> None:
        # A second cancellation would interrupt an actor that is cleaning up.
        if not attempt.interrupt(why, cause):
            return
        if (task := self._tasks.get(attempt.key)) is not None:
            task.cancel()
        elif not attempt.has_entered:
            # It lies before a busy thread, which will find it stopped and run nothing of it.
            attempt.stop(why, cause)
            attempt.settle()

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and every ending is written."""
        return not self._attempts and not self._finisher.unwritten

    async def wait_idle(self) -> None:
        """Wait until nothing runs and every ending is written."""
        await self._idle.wait()

    async def give_back(self) -> None:
        """Put the jobs that still run back to waiting, without counting the attempts."""
        for attempt in list(self._attempts.values()):
            self._interrupt(attempt, "given-back")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLEAN_UP_SECONDS):
                await self.wait_idle()
        for attempt in list(self._attempts.values()):
            attempt.give_back()
        await self.wait_idle()

    def abandon(self) -> None:
        """The lease was lost: stop all attempts and write no endings."""
        for attempt in list(self._attempts.values()):
            self._interrupt(attempt, "lost")


def runs_on_loop(actor: "dramatiq.Actor[Any, Any]") -> TypeGuard[JobActor]:
    """Whether an actor runs as a task; the others need a thread."""
    return isinstance(actor, JobActor) and actor.is_async


def job_of(frame: FrameType | None, task: "asyncio.Task[Any] | None") -> dict[str, str]:
    """The job whose code runs in a frame, or in this task of the loop; empty where it is no actor's code.

    An actor's own task does not show in the actor's frames.
    """
    while frame is not None:
        if frame.f_code is Attempt.on_thread.__code__:
            return _named(frame.f_locals["self"].current)
        if frame.f_code is Runner._run.__code__:  # noqa: SLF001 - this module's own
            return _named(frame.f_locals["attempt"].current)
        frame = frame.f_back
    return _named(task.job) if isinstance(task, ActorTask) else {}


def _named(job: Current) -> dict[str, str]:
    return {"job": str(job.id), "actor": job.actor}
