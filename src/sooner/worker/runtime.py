"""The parts that run on a worker's event loop: lease, claims, attempts, endings, notifications."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from sooner.blobs import Stores
from sooner.db import (
    Database,
    Link,
    Listener,
    Unavailable,
    budget,
    own_shard,
    pool,
)
from sooner.db.listen import Handler
from sooner.db.retry import unforeseen
from sooner.jobs import dependencies, worker_resources
from sooner.jobs.calling import functions as calling
from sooner.jobs.calling.sooner import Sooner
from sooner.jobs.context import wait_by
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.declaring.placement import limits_of, placement_of_text
from sooner.jobs.dependencies import Dependencies, Depends
from sooner.jobs.forecasting.duration_log import DurationLog
from sooner.jobs.logging.capture import Capture
from sooner.jobs.logging.log_writer import LogWriter
from sooner.jobs.operating.tallies import Tallies
from sooner.jobs.output.emit import pace_by
from sooner.jobs.output.writer import PLANS, OutputWriter
from sooner.jobs.running.attempt import Attempt
from sooner.jobs.running.runner import Runner
from sooner.jobs.running.tasks import ActorTasks
from sooner.jobs.secrets.seal import Opener, public_key
from sooner.process import logs
from sooner.process.mail_address import Sender
from sooner.process.settings import WorkerSettings, smtp
from sooner.queue.backlog import Backlog
from sooner.queue.claim import (
    BACK,
    POLL_SECONDS,
    POLL_SECONDS_WITHOUT_LISTEN,
    Claimer,
    Promoter,
    ServedLane,
)
from sooner.queue.claim import SQL as CLAIM
from sooner.queue.enqueue import Enqueuer
from sooner.queue.finish import Finisher
from sooner.queue.lane import Lane
from sooner.queue.rescue import Rescuer
from sooner.queue.worker_lease import Connect, WorkerLease, connected
from sooner.worker.attempt_spans import AttemptSpans
from sooner.worker.served_lanes import Actors, claims, served

if TYPE_CHECKING:
    from sooner.outgoing.mail_server import MailServer
    from sooner.process.telemetry.tracing import Tracing

log = logs.get(__name__)

#: Makes a listener of handlers by channel, and of what is called after each connection.
Listening = Callable[[Mapping[str, Handler], Callable[[], None]], "Hearing"]

#: The seconds between looks for cancellations, which make up for lost notifications.
LOOK_SECONDS = 2.0

#: The seconds that the last claim may take when the time to stop is over.
LAST_CLAIM_SECONDS = 1.0

#: The seconds between looks of a worker that ends when nothing is left to do.
EMPTY_SECONDS = 1.0


class Hearing(Protocol):
    """What hears notifications."""

    def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True)
class Connections:
    """The worker's own connections: claims, endings and chores never wait for each other."""

    claims: Link
    endings: Link
    output: Link
    chores: Link
    #: Open while the rescuer's looks are long.
    looks: Link
    #: Opens the lease's connection.
    lease: Connect
    #: Makes what listens; None where nothing does.
    listening: Listening | None

    @classmethod
    def of(cls, settings: WorkerSettings) -> "Connections":
        """The connections, each opened at its first use."""
        url, direct = settings.database_url, settings.listen
        # Where a crash of the server loses a claim, the job is claimed again.
        claims = Link(url, "claim", direct=direct, synchronous_commit="off")
        output = Link(url, "output", direct=direct, **PLANS)
        finish, chores, looks = (Link(url, name, direct=direct) for name in ("finish", "chores", "looks"))
        listening = partial(Listener, url, "worker") if direct else None
        return cls(claims, finish, output, chores, looks, partial(connected, url), listening)

    async def close(self) -> None:
        """Close them all."""
        for link in (self.claims, self.endings, self.output, self.chores, self.looks):
            await link.close()


@dataclass
class Runtime:
    """A worker's parts, begun and ended together on one loop."""

    database: Database
    connections: Connections
    lease: WorkerLease
    runner: Runner
    claimer: Claimer
    promoter: Promoter
    rescuer: Rescuer
    duration_log: DurationLog
    tallies: Tallies
    capture: Capture | None
    listener: Hearing | None
    #: Set when a job that runs here may have been cancelled.
    asked: asyncio.Event
    dependencies: Dependencies
    when_empty: tuple[Backlog, Callable[[], None]] | None = None
    _tasks: tuple["asyncio.Task[None]", ...] = ()

    @classmethod
    async def begin(
        cls,
        settings: WorkerSettings,
        actors: Actors,
        queues: Collection[str],
        to_thread: Callable[[Attempt], None],
        end_all: Callable[[], None],
        *,
        threads: int,
        tracing: "Tracing | None" = None,
        eager: bool = True,
        connections: Connections | None = None,
    ) -> "Runtime":
        """Connect, take the lease and get ready to claim. Raises the database's error when it stays away, and WrongShard.

        `end_all` is called when nothing is left to do, if WORKER_EXIT_WHEN_EMPTY is set. Without `eager` the pool and each
        dependency open when they are first needed.
        """
        connections = connections or Connections.of(settings)
        chores, hears, asked = connections.chores, connections.listening, asyncio.Event()
        database = await _lent(settings, eager=eager)
        await own_shard.check(chores, settings.shard)
        duration_log, promoter = DurationLog(chores), Promoter(chores)
        runner = _runner(settings, actors, connections, to_thread, duration_log, threads)
        _take_over(runner, tracing)
        work = served(actors, queues, runner)
        lease = await _taken(_lease(settings, connections.lease, actors, queues, work, runner, threads))
        await _relimit(connections, actors, queues)
        claimer = _claimer(settings, connections, lease, work, runner)
        rescuer = _rescuer(settings, connections, lease, actors, work)
        return cls(
            database,
            connections,
            lease,
            runner,
            claimer,
            promoter,
            rescuer,
            duration_log,
            Tallies(chores),
            _capture(settings, connections, runner),
            hears and _listener(hears, claimer, promoter, rescuer, runner, asked),
            asked,
            await _dependencies(wanted(actors, queues) if eager else []),
            (Backlog(chores, work), end_all) if settings.worker_exit_when_empty else None,
        )

    def start(self) -> None:
        """Begin to claim."""
        if self.listener is not None:
            self.listener.start()
        self.claimer.start()
        self.promoter.start()
        self.rescuer.start()
        self.duration_log.start()
        self.tallies.start()
        if self.capture is not None:
            self.capture.begin()
        self._tasks = (
            asyncio.create_task(unforeseen("looking for cancellations")(self._look_forever)),
            asyncio.create_task(unforeseen("looking for an end")(self._end_when_empty)),
        )

    async def stop(self, seconds: float) -> None:
        """Claim no more, let running jobs end within `seconds`, give the others back, and give up the lease."""
        log.info("worker stopping", jobs=len(self.runner.held))
        claiming = asyncio.create_task(self.claimer.stop())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(claiming)
                await self.rescuer.stop()
                await self.runner.wait_idle()
        except TimeoutError:
            # A claim that was cut off would take jobs that nobody gives back: their attempts would count as crashes.
            await asyncio.wait([claiming], timeout=LAST_CLAIM_SECONDS)
            log.warning("out of time: jobs given back", jobs=len(self.runner.held))
            await self.runner.give_back()
        if self.capture is not None:
            self.capture.end()
        await self._close()
        log.info("worker stopped")

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.promoter.stop()
        await self.rescuer.stop()
        await self.duration_log.stop()
        await self.tallies.stop()
        if self.listener is not None:
            await self.listener.stop()
        await self.dependencies.close()
        await calling.close()
        await asyncio.to_thread(self.lease.end)
        await self.connections.close()
        await self.database.close()

    async def _look_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.asked.wait(), LOOK_SECONDS)
            self.asked.clear()
            try:
                await self._look()
            except Unavailable as error:
                log.warning("cannot look for cancellations", error=str(error))
                await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        if held := self.runner.held:
            for row in await self.connections.chores.fetch(CLAIM.to_stop, ids=held):
                self.runner.interrupt(row["message_id"], "cancelled")

    async def _end_when_empty(self) -> None:
        if self.when_empty is None:
            return
        backlog, end_all = self.when_empty
        while True:
            await asyncio.sleep(EMPTY_SECONDS)
            with contextlib.suppress(Unavailable):
                if self.runner.is_idle and await backlog.is_empty():
                    log.info("nothing left to do")
                    end_all()
                    return


def wanted(actors: Actors, queues: Collection[str]) -> list[Depends]:
    """The dependencies of the actors whose jobs this worker runs."""
    served = (
        actor for actor in actors.values() if isinstance(actor, JobActor) and actor.queue_name in queues
    )
    return [depends for actor in served for depends in actor.dependencies.values()]


async def _lent(settings: WorkerSettings, *, eager: bool) -> Database:
    """Make the pool and the network that actors may use, and lend them."""
    # Imported here, for it imports httpx, which web, where this module is loaded too, does not need.
    from sooner.outgoing import Network

    database = pool(settings.database_url, "worker", direct=settings.listen, least=1 if eager else 0)
    await database.connect()
    if eager:
        await budget.warn(database, "worker", listen=settings.listen)
    calling.made_by(lambda: _sooner(settings))
    network = Network(allow_private=settings.allow_private_network)
    worker_resources.lend(database, network, _mail_server(settings), Stores(settings.blob_url))
    return database


def _mail_server(settings: WorkerSettings) -> "MailServer | None":
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    from sooner.outgoing.mail_server import MailServer

    return MailServer(smtp.parsed(settings.smtp_url), Sender.read(settings.mail_from))


def _sooner(settings: WorkerSettings) -> Sooner:
    """The Sooner by which a job's code submits. A worker, which opens secrets, may seal them, too."""
    keys = settings.secrets_private_key
    return Sooner(
        settings.database_url,
        listen=settings.listen,
        retention_days=settings.job_retention_days,
        secrets_public_key=public_key(keys[0]) if keys else None,
    )


def _runner(
    settings: WorkerSettings,
    actors: Actors,
    connections: Connections,
    to_thread: Callable[[Attempt], None],
    duration_log: DurationLog,
    threads: int,
) -> Runner:
    finisher = Finisher(connections.endings, retention=_retention(settings))
    return Runner(
        actors,
        finisher,
        OutputWriter(connections.output, most_bytes=settings.max_output_bytes),
        to_thread,
        duration_log.note,
        Opener(settings.secrets_private_key),
        tasks=settings.worker_concurrency,
        threads=threads,
    )


def _take_over(runner: Runner, tracing: "Tracing | None") -> None:
    """Let what runs on this loop, in jobs or beside them, wait and end by this runner."""
    wait_by(runner.waiting)
    pace_by(runner.output_room)
    asyncio.get_running_loop().set_task_factory(ActorTasks(runner.exited))
    runner.start_span = None if tracing is None else AttemptSpans(tracing)


async def _dependencies(eager: Sequence[Depends]) -> Dependencies:
    """The resources that actors take as parameters, these of them open."""
    resources = Dependencies()
    dependencies.lend(resources)
    await resources.open_eager(eager)
    return resources


def _capture(settings: WorkerSettings, connections: Connections, runner: Runner) -> Capture | None:
    """What hears the code of jobs, and writes it before their endings; None where no line is to be kept."""
    if not settings.max_log_lines:
        return None
    # Over the connection of the endings, which wait for the lines anyway.
    writer = LogWriter(connections.endings)
    runner.write_line, runner.most_lines = writer.add, settings.max_log_lines
    runner.write_before_endings(writer.flush)
    return Capture(runner.log)


def _lease(
    settings: WorkerSettings,
    connect: Connect,
    actors: Actors,
    queues: Collection[str],
    work: Sequence[ServedLane],
    runner: Runner,
    threads: int,
) -> WorkerLease:
    loop = asyncio.get_running_loop()
    return WorkerLease(
        connect,
        seconds=settings.lease_seconds,
        retention=_retention(settings),
        queues=sorted(queues),
        tasks=settings.worker_concurrency,
        threads=threads,
        on_lost=lambda: _hand_over(loop, runner.abandon),
        actors={name: actor.queue_name for name, actor in actors.items()},
        claims=claims(actors, work),
        declared=_declared(settings, actors),
        callbacks={
            name: actor.options["on_failure"]
            for name, actor in actors.items()
            if "on_failure" in actor.options
        },
    )


async def _taken(lease: WorkerLease) -> WorkerLease:
    await asyncio.to_thread(lease.begin)
    return lease


def _declared(settings: WorkerSettings, actors: Actors) -> dict[str, dict[str, Any]]:
    """The unusual options of the actors; by the last of them web knows which webhooks a worker can reach."""
    declared = {name: actor.notable for name, actor in actors.items() if isinstance(actor, JobActor)}
    if settings.allow_private_network and (delivering := declared.get("deliver_webhook")) is not None:
        declared["deliver_webhook"] = {**delivering, "reaches_private": True}
    return declared


async def _relimit(connections: Connections, actors: Actors, queues: Collection[str]) -> None:
    """Bring the limits that this deployment declares to the jobs that wait already."""
    limits = limits_of(actor for actor in actors.values() if actor.queue_name in queues)
    if limits:
        await Enqueuer(connections.chores).relimit(limits)


def _claimer(
    settings: WorkerSettings,
    connections: Connections,
    lease: WorkerLease,
    work: Sequence[ServedLane],
    runner: Runner,
) -> Claimer:
    claimer = Claimer(
        connections.claims,
        lease,
        work,
        runner.start,
        runner.known,
        poll_seconds=POLL_SECONDS if settings.listen else POLL_SECONDS_WITHOUT_LISTEN,
    )
    runner.room_again = claimer.room
    return claimer


def _rescuer(
    settings: WorkerSettings,
    connections: Connections,
    lease: WorkerLease,
    actors: Actors,
    work: Sequence[ServedLane],
) -> Rescuer:
    return Rescuer(
        connections.chores,
        connections.looks,
        lease,
        {actor for each in work for actor in each.actors},
        lambda actor, message, tenant: placement_of_text(actors[actor], message, tenant),
        stranded_seconds=settings.stranded_minutes * 60,
        retention=_retention(settings),
    )


def _retention(settings: WorkerSettings) -> float:
    return settings.job_retention_days * 86400


def _hand_over(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def _listener(
    listening: Listening,
    claimer: Claimer,
    promoter: Promoter,
    rescuer: Rescuer,
    runner: Runner,
    asked: asyncio.Event,
) -> Hearing:
    lanes = [Lane.read(name) for name in claimer.lane_names]
    counted = {Lane(lane.queue).name for lane in lanes if lane.is_limited}

    def woken(lane: str) -> Callable[[str], None]:
        def wake(payload: str) -> None:
            claimer.wake(lane, came_back=bool(payload))
            if payload not in ("", BACK):
                # Only stock producers send another payload; their message may be delayed.
                promoter.wake()
                if lane in counted:
                    rescuer.wake()

        return wake

    def look(payload: str) -> None:
        # Anyone may notify: the row decides whether the job is cancelled.
        if not set(payload.split(",")).isdisjoint(map(str, runner.held)):
            asked.set()

    def resync() -> None:
        claimer.wake(came_back=True)
        promoter.wake()
        rescuer.wake()
        asked.set()

    return listening(
        {
            **{f"dramatiq.{lane}.enqueue": woken(lane) for lane in {*claimer.lane_names, *counted}},
            "sooner.postponed": lambda _: promoter.wake(),
            "sooner.control": lambda _: claimer.wake(came_back=True),
            "sooner.cancel": look,
        },
        resync,
    )
