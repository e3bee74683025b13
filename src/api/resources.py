"""What the web process holds open."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from src import logs
from src.db import Database, Link, Listener, Readers, Unavailable, pool
from src.jobs.act import Actions
from src.jobs.admission import Admission
from src.jobs.attempts_log import AttemptsLog
from src.jobs.board import Board
from src.jobs.declare import JobActor
from src.jobs.document import Documents
from src.jobs.files import Files
from src.jobs.forecast import Forecast
from src.jobs.idempotency import Fingerprints
from src.jobs.keys import Caller, Keys
from src.jobs.links import Links
from src.jobs.listing import Listing
from src.jobs.queues import Queues
from src.jobs.rate import RateLimit
from src.jobs.samples import Samples
from src.jobs.seal import Sealer
from src.jobs.sessions import Sessions
from src.jobs.submit import Submitter
from src.jobs.uploads import Uploads
from src.jobs.waiting import Waiting
from src.jobs.watch import POLL_SECONDS, POLL_SECONDS_WITHOUT_LISTEN, Watch
from src.jobs.watch import SQL as READ
from src.jobs.webhooks import Webhooks
from src.queue.enqueue import Enqueuer
from src.settings import WebSettings

log = logs.get(__name__)

#: How often the chores of a web process are looked after.
CHORE_SECONDS = 1.0


@dataclass
class Resources:
    """The parts of a web process; what they connect to may come and go."""

    settings: WebSettings
    actors: Mapping[str, JobActor]
    database: Database
    readers: Readers
    links: Links
    forecast: Forecast
    waiting: Waiting
    admission: Admission
    documents: Documents
    keys: Keys
    watch: Watch
    submitter: Submitter
    actions: Actions
    listing: Listing
    attempts: AttemptsLog
    queues: Queues
    uploads: Uploads
    files: Files
    webhooks: Webhooks
    listener: Listener | None
    connections: tuple[Link, ...]
    sessions: Sessions = field(init=False)
    board: Board = field(init=False)
    samples: Samples = field(init=False)
    _chores: list["asyncio.Task[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        """What the operators' page stands on."""
        self.sessions = Sessions(self.settings.link_signing_key)
        self.board = Board(self.readers, self.queues, self.listing)
        self.samples = Samples(self.database, self.readers, self.queues)

    @classmethod
    def make(cls, settings: WebSettings, actors: Mapping[str, JobActor]) -> "Resources":
        """The parts, nothing connected yet."""
        url, retention = settings.database_url, timedelta(days=settings.job_retention_days)
        direct = settings.listen
        database, links = pool(url, "web", direct=direct), Links(settings.link_signing_key)
        inserts, reads = Link(url, "enqueue", direct=direct), Link(url, "read", direct=direct)
        readers = Readers(database, _replica(settings))
        watch = Watch(reads, poll_seconds=POLL_SECONDS if settings.listen else POLL_SECONDS_WITHOUT_LISTEN)
        channels = {"sooner.changed": watch.changed}
        waiting = Waiting(
            database, {actor.lane.name for actor in actors.values()}, most=settings.max_waiting_per_tenant
        )
        forecast = Forecast(database, actors, most=settings.max_queue_depth)
        return cls(
            settings=settings,
            forecast=forecast,
            waiting=waiting,
            admission=Admission(
                RateLimit(settings.rate_limit_per_second),
                waiting,
                forecast,
                most_due=settings.max_queue_depth,
            ),
            actors=actors,
            database=database,
            readers=readers,
            links=links,
            documents=Documents(links, forecast, retention=retention),
            keys=Keys(database),
            watch=watch,
            submitter=Submitter(
                Enqueuer(inserts),
                Fingerprints(settings.link_signing_key),
                Sealer(settings.secrets_public_key),
                retention_seconds=retention.total_seconds(),
            ),
            actions=Actions(database, retention_seconds=retention.total_seconds()),
            listing=Listing(readers),
            attempts=AttemptsLog(database),
            queues=Queues(
                database,
                readers,
                {actor.queue_name for actor in actors.values()},
                retention_seconds=retention.total_seconds(),
            ),
            files=Files(database),
            webhooks=Webhooks(database),
            uploads=Uploads(database, retention_seconds=retention.total_seconds()),
            listener=Listener(url, "web", channels, watch.resync) if settings.listen else None,
            connections=(inserts, reads),
        )

    async def open(self) -> None:
        """Connect. Waits for a database that is still starting; raises what it raises when it stays away."""
        await self.database.connect()
        if self.listener is not None:
            self.listener.start()
        self.watch.start()
        self.samples.start()
        self._chores.append(asyncio.create_task(self._do_chores()))

    async def close(self) -> None:
        """Disconnect."""
        for chore in self._chores:
            chore.cancel()
        await self.samples.stop()
        await self.watch.stop()
        if self.listener is not None:
            await self.listener.stop()
        for connection in self.connections:
            await connection.close()
        await self.readers.close()
        await self.database.close()

    async def is_gone(self, id: UUID, who: Caller | None) -> bool:
        """Whether a job that the caller might see has expired but is not yet removed."""
        row = await self.database.row(READ.gone, id=id)
        return row is not None and (who is None or who.may_see(row["tenant"]))

    async def _do_chores(self) -> None:
        chores = (
            self.actions.cancel_overdue,
            self.keys.note_use,
            self.forecast.refresh,
            self.waiting.refresh,
        )
        while True:
            await asyncio.sleep(CHORE_SECONDS)
            try:
                for chore in chores:
                    await self._do(chore)
            except Unavailable as error:
                log.warning("chores left undone: database away", error=str(error))

    async def _do(self, chore: Callable[[], Awaitable[object]]) -> None:
        """One that fails keeps none of the others from being done."""
        try:
            await chore()
        except Unavailable:
            raise
        except Exception:
            log.exception("chore failed", chore=chore.__qualname__)


def _replica(settings: WebSettings) -> Database | None:
    url = settings.database_replica_url
    return None if url is None else pool(url, "web replica", direct=settings.listen)
