"""The parts of a web process: connections, caches and background tasks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sooner.blobs import Stores
from sooner.db import (
    Database,
    Link,
    Listener,
    Replica,
    Unavailable,
    budget,
    pool,
)
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.files.blobs import Blobs
from sooner.jobs.files.files import Files
from sooner.jobs.files.uploads import Uploads
from sooner.jobs.following.document import Documents
from sooner.jobs.following.follower import POLL_SECONDS, POLL_SECONDS_WITHOUT_LISTEN, JobFollower
from sooner.jobs.following.follower import SQL as READ
from sooner.jobs.following.listing import Listing
from sooner.jobs.following.signed_urls import SignedUrls
from sooner.jobs.forecasting.forecast import Forecast
from sooner.jobs.logging.log_lines import LogLines
from sooner.jobs.mail.notice import Notices
from sooner.jobs.operating.actions import Actions
from sooner.jobs.operating.attempt_counts import AttemptCounts
from sooner.jobs.operating.attempts_log import AttemptsLog
from sooner.jobs.operating.board import Board
from sooner.jobs.operating.queue_history import QueueHistory
from sooner.jobs.operating.queues import Queues
from sooner.jobs.output.outputs import Outputs
from sooner.jobs.secrets.seal import Sealer
from sooner.jobs.submitting.admission import Admission
from sooner.jobs.submitting.idempotency import Fingerprints
from sooner.jobs.submitting.rate import RateLimit
from sooner.jobs.submitting.submit import Submitter
from sooner.jobs.submitting.waiting_limit import WaitingLimit
from sooner.jobs.tenants.keys import Caller, Keys
from sooner.jobs.tenants.sessions import Sessions
from sooner.jobs.webhooks.deliveries import Deliveries
from sooner.jobs.webhooks.webhooks import Webhooks
from sooner.periodic import Schedule
from sooner.process import logs
from sooner.process.metrics import note_notification_lag
from sooner.process.settings import WebSettings
from sooner.process.settings.address import parsed
from sooner.queue.enqueue import Enqueuer
from sooner.web import measuring
from sooner.web.http.root import root

log = logs.get(__name__)

#: The seconds between two rounds of a web process's chores.
CHORE_SECONDS = 1.0
#: How long a request tries again while the store of blobs is away.
STORE_SECONDS = 5.0


@dataclass
class Resources:
    """The parts of a web process; the database may come and go while they live."""

    settings: WebSettings
    #: The actors that can be asked for over HTTP, and all of the deployment's.
    actors: Mapping[str, JobActor]
    every_actor: Mapping[str, JobActor]
    schedules: Mapping[str, Schedule]
    database: Database
    replica: Replica
    signed_urls: SignedUrls
    forecast: Forecast
    waiting_limit: WaitingLimit
    admission: Admission
    documents: Documents
    keys: Keys
    follower: JobFollower
    submitter: Submitter
    actions: Actions
    listing: Listing
    attempts: AttemptsLog
    queues: Queues
    uploads: Uploads
    files: Files
    outputs: Outputs
    webhooks: Webhooks
    deliveries: Deliveries
    notices: Notices
    listener: Listener | None
    connections: tuple[Link, ...]
    sessions: Sessions = field(init=False)
    board: Board = field(init=False)
    attempt_counts: AttemptCounts = field(init=False)
    log_lines: LogLines = field(init=False)
    queue_history: QueueHistory = field(init=False)
    _chores: list["asyncio.Task[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the parts that serve the operators' page."""
        self.sessions = Sessions(self.settings.link_signing_key)
        self.board = Board(self.replica, self.queues, self.listing)
        self.attempt_counts = AttemptCounts(self.database, self.replica)
        self.log_lines = LogLines(self.database)
        self.queue_history = QueueHistory(self.database, self.replica, self.queues)

    @classmethod
    def make(
        cls, settings: WebSettings, every_actor: Mapping[str, Any], schedules: Mapping[str, Schedule]
    ) -> "Resources":
        """The parts, nothing connected yet."""
        every_actor = {name: actor for name, actor in every_actor.items() if isinstance(actor, JobActor)}
        actors = offered(settings, every_actor)
        url, retention = settings.database_url, timedelta(days=settings.job_retention_days)
        direct = settings.listen
        database, signed_urls = pool(url, "web", direct=direct), SignedUrls(settings.link_signing_key)
        inserts, reads, output = (Link(url, name, direct=direct) for name in ("enqueue", "read", "output"))
        replica = _replica(settings, database)
        blobs = Blobs(database, Stores(settings.blob_url, patience_seconds=STORE_SECONDS))
        follower = JobFollower(
            reads, poll_seconds=POLL_SECONDS if settings.listen else POLL_SECONDS_WITHOUT_LISTEN
        )
        waiting_limit = WaitingLimit(
            database, {actor.lane.name for actor in actors.values()}, most=settings.max_waiting_per_tenant
        )
        forecast = Forecast(database, actors, most=settings.max_queue_depth)
        submitter = Submitter(
            Enqueuer(inserts),
            Fingerprints(settings.link_signing_key),
            Sealer(settings.secrets_public_key),
            retention_seconds=retention.total_seconds(),
        )
        return cls(
            settings=settings,
            forecast=forecast,
            waiting_limit=waiting_limit,
            admission=Admission(
                RateLimit(settings.rate_limit_per_second),
                waiting_limit,
                forecast,
                most_due=settings.max_queue_depth,
            ),
            actors=actors,
            every_actor=every_actor,
            schedules=schedules,
            database=database,
            replica=replica,
            signed_urls=signed_urls,
            documents=Documents(signed_urls, forecast, retention=retention, root=root),
            keys=Keys(database),
            follower=follower,
            submitter=submitter,
            actions=Actions(database, every_actor, retention_seconds=retention.total_seconds()),
            listing=Listing(replica),
            attempts=AttemptsLog(database),
            queues=Queues(
                database,
                replica,
                {actor.queue_name for actor in actors.values()},
                retention_seconds=retention.total_seconds(),
            ),
            files=Files(database, blobs),
            webhooks=Webhooks(database, allow_private=settings.allow_private_network),
            deliveries=Deliveries(database, submitter, every_actor["try_webhook"]),
            notices=Notices(database),
            outputs=Outputs(output),
            uploads=Uploads(database, blobs, retention_seconds=retention.total_seconds()),
            listener=_listener(url, follower) if settings.listen else None,
            connections=(inserts, reads, output),
        )

    async def open(self) -> None:
        """Connect. Waits for a database that is still starting; raises its error when it stays away."""
        await self.database.connect()
        await budget.warn(self.database, "web", listen=self.settings.listen)
        if self.listener is not None:
            self.listener.start()
        self.follower.start()
        self.queue_history.start()
        self._chores += [
            asyncio.create_task(self._do_chores()),
            asyncio.create_task(measuring.forever(self.database, self.replica)),
        ]

    async def close(self) -> None:
        """Disconnect."""
        for chore in self._chores:
            chore.cancel()
        await self.queue_history.stop()
        await self.follower.stop()
        if self.listener is not None:
            await self.listener.stop()
        for connection in self.connections:
            await connection.close()
        await self.replica.close()
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
            self.waiting_limit.refresh,
        )
        while True:
            await asyncio.sleep(CHORE_SECONDS)
            try:
                for chore in chores:
                    await self._do(chore)
            except Unavailable as error:
                log.warning("chores left undone: database away", error=str(error))

    async def _do(self, chore: Callable[[], Awaitable[object]]) -> None:
        """Run one chore: its failure does not stop the others."""
        try:
            await chore()
        except Unavailable:
            raise
        except Exception:
            log.exception("chore failed", chore=chore.__qualname__)


def offered(settings: WebSettings, actors: Mapping[str, JobActor]) -> dict[str, JobActor]:
    """The actors that can be asked for over HTTP."""
    return {
        name: actor
        for name, actor in actors.items()
        if not actor.declaration.internal and (settings.diagnostics or not actor.declaration.diagnostic)
    }


def _listener(url: str, follower: JobFollower) -> Listener:
    channels = {"sooner.changed": follower.notified, "sooner.output": follower.put_out}
    return Listener(url, "web", channels, follower.resync, lagged=note_notification_lag)


def _replica(settings: WebSettings, primary: Database) -> Replica:
    url = settings.database_replica_url
    if url is None:
        return Replica(primary, None)
    wanted = parsed(url).parameters.get("target_session_attrs")
    replica = pool(url, "web replica", direct=settings.listen)
    return Replica(primary, replica, follows_only=wanted in ("standby", "prefer-standby"))
