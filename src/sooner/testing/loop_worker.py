"""A worker on the test's own loop."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from typing import Any
from uuid import UUID

import dramatiq

from sooner.db import Link
from sooner.jobs import codec, dependencies, worker_resources
from sooner.jobs.calling.functions import made_by
from sooner.jobs.calling.sooner import Sooner
from sooner.jobs.context import enter
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.operating.actions import Actions
from sooner.jobs.running.attempt import Attempt, OutOfTime
from sooner.jobs.secrets.seal import public_key
from sooner.process.settings import WorkerSettings
from sooner.queue.enqueue import Enqueuer
from sooner.queue.finish import Ending
from sooner.testing.kept_database import KeptDatabase
from sooner.worker.runtime import Runtime

THREADS = 8
CHORE_SECONDS = 0.5
#: What still runs at a test's end gets this long.
STOP_SECONDS = 1.0

Settle = Callable[[Attempt, Ending | None], None]


class LoopWorker:
    """Runs the jobs of a test's database; it is the worker of a deployment, but for dramatiq's master and threads.

    Its parts, and what submits, share one connection, for opening each one's own takes longer than a test.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        actors: Mapping[str, "dramatiq.Actor[Any, Any]"],
        database: KeptDatabase,
    ) -> None:
        self.runtime: Runtime
        #: The connection of all parts.
        self.link = Link(settings.database_url, "test", synchronous_commit="off")
        #: What each job's latest failed attempt raised.
        self.errors: dict[UUID, BaseException] = {}
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._actors = actors
        self._database = database
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sooner-actor")

    async def start(self) -> None:
        """Begin to claim."""
        queues = {actor.queue_name for actor in self._actors.values()}
        self.runtime = await Runtime.begin(
            self._settings,
            self._actors,
            queues,
            self._to_thread,
            lambda: None,
            threads=THREADS,
            eager=False,
            connections=self._database.connections(self.link),
        )
        made_by(self._sooner)
        declared = {name: actor for name, actor in self._actors.items() if isinstance(actor, JobActor)}
        retention = self._settings.job_retention_days * 86400
        self._actions = Actions(self.runtime.database, declared, retention_seconds=retention)
        self.runtime.runner.start_span = self._watched
        self.runtime.start()
        self._chores = asyncio.create_task(self._do_chores())

    def _sooner(self) -> Sooner:
        """What submits on the running loop: the test's own, or one that a plain actor runs on its thread."""
        if asyncio.get_running_loop() is self._loop:
            return LinkedSooner(self._settings, self.link)
        return Sooner(self._settings.database_url, **_options(self._settings))

    async def stop(self) -> None:
        """End, and give back the jobs that still run."""
        self._chores.cancel()
        await self.runtime.stop(STOP_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)
        asyncio.get_running_loop().set_task_factory(None)
        dependencies.lend(None)
        worker_resources.take_back()
        made_by(None)

    async def news(self, seconds: float) -> None:
        """Wait until an attempt ends, and no longer than this: a job's end may have been written before."""
        self._ended.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    def refuse_unknown(self, actor: str) -> None:
        """Raises LookupError for an actor that this worker has not, whose jobs would wait for ever."""
        if actor not in self._actors:
            near = get_close_matches(actor, self._actors, 1)
            instead = f"did you mean {near[0]}?" if near else "import the module that declares it"
            raise LookupError(f"no actor {actor} is declared here: {instead}")

    async def look_again(self) -> None:
        """Look for due and overdue jobs: the time was moved."""
        await self._cancel_overdue()
        self.runtime.promoter.wake()
        self.runtime.claimer.wake(came_back=True)
        self.runtime.rescuer.wake()

    async def _do_chores(self) -> None:
        """The chores that a deployment's web processes do."""
        while True:
            await asyncio.sleep(CHORE_SECONDS)
            await self._cancel_overdue()

    async def _cancel_overdue(self) -> None:
        await self._actions.cancel_overdue()

    def _watched(self, row: Mapping[str, Any], settle: Settle) -> tuple[Mapping[str, Any], Settle]:
        def settled(attempt: Attempt, ending: Ending | None) -> None:
            if attempt.error is not None:
                self.errors[attempt.id] = _told(attempt.error, ending)
            settle(attempt, ending)
            self._loop.call_soon_threadsafe(self._ended.set)

        return row, settled

    def _to_thread(self, attempt: Attempt) -> None:
        self._threads.submit(_run, attempt)


class LinkedSooner(Sooner):
    """Submits over a connection that others use, too."""

    def __init__(self, settings: WorkerSettings, link: Link) -> None:
        super().__init__(settings.database_url, **_options(settings))
        self._link = link
        self._enqueuer = Enqueuer(link)


def _told(raised: BaseException, ending: Ending | None) -> BaseException:
    """The exception for the test: of an attempt that ran out of time the actor raised only what stopped it."""
    if ending is None or ending.error is None or codec.loads(ending.error)["type"] != OutOfTime.TYPE:
        return raised
    late = OutOfTime()
    late.__cause__ = raised
    return late


def _options(settings: WorkerSettings) -> dict[str, Any]:
    return {
        "retention_days": settings.job_retention_days,
        "secrets_public_key": public_key(settings.secrets_private_key[0]),
    }


def _run(attempt: Attempt) -> None:
    enter(attempt.current)
    try:
        args, params = attempt.args, attempt.kwargs
        attempt.succeed(attempt.on_thread(lambda: attempt.actor(*args, **params)))
    except BaseException as error:  # noqa: BLE001 - whatever an actor raises ends its job, and no other's
        attempt.raised(error)
    attempt.settle()
