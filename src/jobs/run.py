"""Running claimed jobs: async actors as tasks on this loop, the others on dramatiq's threads."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import dramatiq

from src import logs
from src.jobs.attempt import Attempt, Why
from src.jobs.context import enter
from src.jobs.declare import JobActor
from src.jobs.failure import Failure
from src.queue.finish import Ending, Finisher

log = logs.get(__name__)

#: Endings not yet written: beyond this nothing more is begun, so that a slow database is not outrun.
MOST_UNWRITTEN = 1000


class Runner:
    """Begins, watches and ends attempts. Lives on the worker's event loop.

    `to_thread` hands an attempt to dramatiq's threads; `room_again` is called whenever an attempt ends.
    """

    def __init__(
        self,
        actors: Mapping[str, "dramatiq.Actor[Any, Any]"],
        finisher: Finisher,
        to_thread: Callable[[Attempt], None],
        *,
        tasks: int,
        threads: int,
    ) -> None:
        self._actors = actors
        self._finisher = finisher
        self._to_thread = to_thread
        self._loop = asyncio.get_running_loop()
        self._free_tasks = tasks
        self._free_threads = threads
        self._attempts: dict[UUID, Attempt] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._timers: dict[UUID, asyncio.TimerHandle] = {}
        self.room_again: Callable[[], None] = lambda: None
        finisher.on_written = self._written
        self._idle = asyncio.Event()
        self._idle.set()

    # Room

    def task_room(self) -> int:
        """How many more async actors may begin."""
        return min(self._free_tasks, MOST_UNWRITTEN - self._finisher.unwritten)

    def thread_room(self) -> int:
        """How many more synchronous actors may begin."""
        return min(self._free_threads, MOST_UNWRITTEN - self._finisher.unwritten)

    @property
    def held(self) -> list[UUID]:
        """The jobs that run here."""
        return list(self._attempts)

    # Beginning

    def start(self, row: Mapping[str, Any]) -> None:
        """Begin an attempt at a claimed job."""
        actor = self._actors[row["actor"]]
        attempt = Attempt(row, actor, self._say, self._settled)
        self._attempts[attempt.id] = attempt
        self._idle.clear()
        if isinstance(actor, JobActor) and actor.is_async:
            self._free_tasks -= 1
            self._tasks[attempt.id] = asyncio.create_task(self._run(attempt, actor))
        else:
            self._free_threads -= 1
            self._to_thread(attempt)
        if isinstance(actor, JobActor) and actor.declaration.time_limit is not None:
            self._timers[attempt.id] = self._loop.call_later(
                actor.declaration.time_limit, self.interrupt, attempt.id, "timeout"
            )

    async def _run(self, attempt: Attempt, actor: JobActor) -> None:
        enter(attempt.current)
        try:
            attempt.succeed(await actor.call(attempt.params))
        except asyncio.CancelledError:
            self._stopped(attempt)
        except Exception as error:  # noqa: BLE001 - failure is a state of the job
            self._failed(attempt, error)
        attempt.settle()

    def _stopped(self, attempt: Attempt) -> None:
        if attempt.why is None:
            self._failed(attempt, RuntimeError("the actor cancelled itself"))
        else:
            attempt.stop(attempt.why)

    def _failed(self, attempt: Attempt, error: Exception) -> None:
        trace = None if isinstance(error, Failure) else error
        log.info("attempt failed", job=str(attempt.id), actor=attempt.current.actor, exc_info=trace)
        attempt.fail_with(error)

    # Ending

    def _settled(self, attempt: Attempt, ending: Ending | None) -> None:
        if attempt.id in self._tasks:
            self._ended(attempt, ending)
        else:
            self._loop.call_soon_threadsafe(self._ended, attempt, ending)

    def _ended(self, attempt: Attempt, ending: Ending | None) -> None:
        self._attempts.pop(attempt.id, None)
        if (timer := self._timers.pop(attempt.id, None)) is not None:
            timer.cancel()
        if self._tasks.pop(attempt.id, None) is not None:
            self._free_tasks += 1
        else:
            self._free_threads += 1
        if ending is not None:
            self._finisher.finish(ending)
        self._written()

    def _written(self) -> None:
        if not self._attempts and not self._finisher.unwritten:
            self._idle.set()
        self.room_again()

    def _say(self, attempt: Attempt, fraction: float | None, message: str | None) -> None:
        word = {"fraction": fraction, "message": message}
        if attempt.id in self._tasks:
            self._finisher.progress(attempt.id, attempt.fence, word)
        else:
            self._loop.call_soon_threadsafe(self._finisher.progress, attempt.id, attempt.fence, word)

    # Stopping

    def interrupt(self, id: UUID, why: Why) -> None:
        """Stop an attempt, if it runs here: an async actor at its next await, another at its next bytecode."""
        attempt = self._attempts.get(id)
        if attempt is None:
            return
        attempt.interrupt(why)
        if (task := self._tasks.get(id)) is not None:
            task.cancel()

    async def wait_idle(self) -> None:
        """Wait until nothing runs and every ending is written."""
        await self._idle.wait()

    async def give_back(self) -> None:
        """Put what still runs back to waiting, without counting the attempt."""
        for id in self.held:
            attempt = self._attempts[id]
            self.interrupt(id, "given-back")
            if id not in self._tasks:
                # A thread may not come to its next bytecode in time: its ending is written for it.
                attempt.give_back()
        await self.wait_idle()

    def abandon(self) -> None:
        """The lease was lost: stop everything, write nothing."""
        for id in self.held:
            self.interrupt(id, "lost")
