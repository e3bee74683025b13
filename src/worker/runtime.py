"""All that runs on a worker's event loop: lease, claims, attempts, endings, notifications."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import dramatiq

from src import logs
from src.db import Database, Link, Listener, Queries, Unavailable, pool
from src.jobs import resources
from src.jobs.attempt import Attempt
from src.jobs.declare import LIMITED, THREADED, JobActor
from src.jobs.run import Runner
from src.queue.claim import POLL_SECONDS, POLL_SECONDS_WITHOUT_LISTEN, Claimer, Lane, Promoter
from src.queue.finish import Finisher
from src.queue.lease import Lease
from src.settings import WorkerSettings

log = logs.get(__name__)

SQL = Queries("src.jobs", "sql/act.sql")

Actors = Mapping[str, "dramatiq.Actor[Any, Any]"]

#: The net under lost notifications of cancellations.
LOOK_SECONDS = 2.0


@dataclass
class Runtime:
    """A worker's parts, begun and ended together on one loop."""

    database: Database
    lease: Lease
    runner: Runner
    finisher: Finisher
    claimer: Claimer
    promoter: Promoter
    listener: Listener | None
    chores: Link
    links: tuple[Link, ...]
    _looking: asyncio.Task[None] | None = None

    @classmethod
    async def begin(
        cls,
        settings: WorkerSettings,
        actors: Actors,
        queues: Collection[str],
        to_thread: Callable[[Attempt], None],
        *,
        threads: int,
    ) -> "Runtime":
        """Connect, take the lease and get ready to claim. Raises what the database raises when it stays away."""
        url, retention = settings.database_url, settings.job_retention_days * 86400
        loop = asyncio.get_running_loop()
        database = pool(url, "worker")
        await database.connect()
        resources.lend(database)
        # A claim that a crash of the server loses only means that the job is claimed again.
        claims = Link(url, "claim", synchronous_commit="off")
        endings, chores = Link(url, "finish"), Link(url, "chores")
        finisher = Finisher(endings, retention=retention)
        runner = Runner(actors, finisher, to_thread, tasks=settings.worker_concurrency, threads=threads)
        lease = Lease(
            url,
            seconds=settings.lease_seconds,
            retention=retention,
            queues=sorted(queues),
            on_lost=lambda: _hand_over(loop, runner.abandon),
        )
        await asyncio.to_thread(lease.begin)
        claimer = Claimer(
            claims,
            lease,
            lanes(actors, queues, runner),
            runner.start,
            poll_seconds=POLL_SECONDS if settings.listen else POLL_SECONDS_WITHOUT_LISTEN,
        )
        runner.room_again = claimer.room
        promoter = Promoter(chores)
        listener = _listener(url, claimer, promoter, runner) if settings.listen else None
        links = (claims, endings, chores)
        return cls(database, lease, runner, finisher, claimer, promoter, listener, chores, links)

    def start(self) -> None:
        """Begin to claim."""
        if self.listener is not None:
            self.listener.start()
        self.claimer.start()
        self.promoter.start()
        self._looking = asyncio.create_task(self._look_forever())

    async def stop(self, seconds: float) -> None:
        """Claim no more, let what runs end within `seconds`, give the rest back, give up the lease."""
        await self.claimer.stop()
        try:
            async with asyncio.timeout(seconds):
                await self.runner.wait_idle()
        except TimeoutError:
            log.warning("out of time: jobs given back", jobs=len(self.runner.held))
            await self.runner.give_back()
        await self._close()

    async def _close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        await self.promoter.stop()
        if self.listener is not None:
            await self.listener.stop()
        await asyncio.to_thread(self.lease.end)
        for link in self.links:
            await link.close()
        await self.database.close()

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            held = self.runner.held
            if held:
                try:
                    for row in await self.chores.fetch(SQL.to_stop, ids=held):
                        self.runner.interrupt(row["message_id"], "cancelled")
                except Unavailable as error:
                    log.warning("cannot look for cancellations", error=str(error))


def lanes(actors: Actors, queues: Collection[str], runner: Runner) -> list[Lane]:
    """What this worker claims from: of each queue the jobs for tasks, those for threads, and the limited ones."""
    made: dict[str, Lane] = {}
    for name, actor in actors.items():
        if actor.queue_name in queues:
            # A stock producer knows nothing of lanes: its messages lie in the queue's own.
            for lane in {actor.queue_name, actor.lane if isinstance(actor, JobActor) else actor.queue_name}:
                room = (
                    runner.thread_room
                    if THREADED in lane.removeprefix(actor.queue_name)
                    else runner.task_room
                )
                limited = lane.removeprefix(actor.queue_name).endswith(LIMITED)
                made.setdefault(lane, Lane(lane, actor.queue_name, [], limited, room)).actors.append(name)
    return list(made.values())


def _hand_over(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def _listener(url: str, claimer: Claimer, promoter: Promoter, runner: Runner) -> Listener:
    def woken(lane: str) -> Callable[[str], None]:
        def wake(payload: str) -> None:
            claimer.wake(lane)
            if payload:
                # Only a stock producer's notification says anything; its message may be a delayed one.
                promoter.wake()

        return wake

    def stop(payload: str) -> None:
        for text in payload.split(","):
            try:
                runner.interrupt(UUID(text), "cancelled")
            except ValueError:
                log.warning("notification that names no job", channel="sooner.cancel")

    def resync() -> None:
        claimer.wake()
        promoter.wake()

    return Listener(
        url,
        "worker",
        {
            **{f"dramatiq.{lane}.enqueue": woken(lane) for lane in claimer.lane_names},
            "sooner.postponed": lambda _: promoter.wake(),
            "sooner.control": lambda _: claimer.wake(),
            "sooner.cancel": stop,
        },
        resync,
    )
