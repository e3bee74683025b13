"""A shard: one database, and the parts of a web process that work on it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sooner.blobs import Stores
from sooner.db import Breaker, Database, Link, Listener, Replica, Unavailable, budget, own_shard, pool
from sooner.db.bounded import answer
from sooner.db.retry import or_again
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
from sooner.jobs.output.writer import PLANS
from sooner.jobs.secrets.seal import Sealer
from sooner.jobs.submitting.admission import Admission
from sooner.jobs.submitting.idempotency import Fingerprints
from sooner.jobs.submitting.submit import Submitter
from sooner.jobs.submitting.waiting_limit import WaitingLimit
from sooner.jobs.tenants.keys import Caller, Keys
from sooner.jobs.webhooks.deliveries import Deliveries
from sooner.jobs.webhooks.webhooks import Webhooks
from sooner.process import logs
from sooner.process.metrics import note_notification_lag
from sooner.process.settings import WebSettings
from sooner.process.settings.address import parsed
from sooner.queue.enqueue import Enqueuer
from sooner.web.http.root import root

log = logs.get(__name__)


#: The seconds between two rounds of a web process's chores.
CHORE_SECONDS = 1.0
#: How long a request tries again while the store of blobs is away.
STORE_SECONDS = 5.0
#: How long a database may take to answer before it counts as away, where there are others.
PATIENCE_SECONDS = 1.0


class OtherShard(Exception):
    """The database's own name is not that of the shard: another one's address stands in the settings."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f"DATABASE_URLS names the database {name}, but it is {found}")


class Shard:
    """The parts of a web process that work on one database, which may come and go while they live.

    `actors` can be asked for over HTTP; `every_actor` are all of the deployment's. The only shard has an empty name.
    """

    def __init__(
        self,
        name: str,
        url: str,
        replica_url: str | None,
        settings: WebSettings,
        actors: Mapping[str, JobActor],
        every_actor: Mapping[str, JobActor],
    ) -> None:
        self.name = name
        self._url = url
        self._listens = settings.listen
        self._is_home = bool(name) and name == settings.home_shard
        self.retention = timedelta(days=settings.job_retention_days)
        # Where there is no other shard, nobody is spared by giving up at once.
        self.breaker = Breaker(name, self._look) if name else None
        self._ping = Link(url, "ping", direct=settings.listen)
        self._is_open = False
        self.database = pool(url, "web", direct=settings.listen, breaker=self.breaker)
        self.replica = _replica(replica_url, self.database, direct=settings.listen)
        self.signed_urls = SignedUrls(settings.link_signing_key, name)
        self.forecast = Forecast(self.database, actors, most=settings.max_queue_depth)
        self.keys = Keys(self.database)
        self._links: list[Link] = []
        self._chores: list[asyncio.Task[None]] = []
        self._make_submitting(settings, actors, every_actor)
        self._make_reading(settings)
        self._make_operating(actors, every_actor)

    def _link(self, settings: WebSettings, name: str, **plans: Any) -> Link:
        link = Link(self._url, name, direct=settings.listen, breaker=self.breaker, **plans)
        self._links.append(link)
        return link

    def _make_submitting(
        self, settings: WebSettings, actors: Mapping[str, JobActor], every_actor: Mapping[str, JobActor]
    ) -> None:
        seconds = self.retention.total_seconds()
        blobs = Blobs(self.database, Stores(settings.blob_url, patience_seconds=STORE_SECONDS))
        self.files = Files(self.database, blobs)
        self.uploads = Uploads(self.database, blobs, retention_seconds=seconds)
        self.waiting_limit = WaitingLimit(
            self.database,
            {lane.name for actor in actors.values() for lane in actor.lanes},
            most=settings.max_waiting_per_tenant,
        )
        self.admission = Admission(self.waiting_limit, self.forecast, most_due=settings.max_queue_depth)
        self.submitter = Submitter(
            Enqueuer(self._link(settings, "enqueue")),
            Fingerprints(settings.link_signing_key),
            Sealer(settings.secrets_public_key),
            retention_seconds=seconds,
        )
        self.notices = Notices(self.database)
        self.webhooks = Webhooks(self.database, allow_private=settings.allow_private_network)
        self.deliveries = Deliveries(self.database, self.submitter, every_actor["try_webhook"])

    def _make_reading(self, settings: WebSettings) -> None:
        self.follower = JobFollower(
            self._link(settings, "read"),
            poll_seconds=POLL_SECONDS if settings.listen else POLL_SECONDS_WITHOUT_LISTEN,
        )
        self._listener = _listener(self._url, self.follower) if settings.listen else None
        self.documents = Documents(self.signed_urls, self.forecast, retention=self.retention, root=root)
        self.listing = Listing(self.replica)
        self.outputs = Outputs(self._link(settings, "output", **PLANS))
        self.log_lines = LogLines(self.database)

    def _make_operating(self, actors: Mapping[str, JobActor], every_actor: Mapping[str, JobActor]) -> None:
        seconds = self.retention.total_seconds()
        self.actions = Actions(self.database, every_actor, retention_seconds=seconds)
        self.attempts = AttemptsLog(self.database)
        self.attempt_counts = AttemptCounts(self.database, self.replica)
        queues = {actor.queue_name for actor in actors.values()}
        self.queues = Queues(self.database, self.replica, queues, retention_seconds=seconds)
        self.queue_history = QueueHistory(self.database, self.replica, self.queues)
        self.board = Board(self.replica, self.queues, self.listing)

    @property
    def is_away(self) -> bool:
        """Whether the database does not answer, and whoever needs it is refused at once; of the only shard nobody knows."""
        return self.breaker is not None and self.breaker.is_away

    async def open(self) -> None:
        """Connect. The only shard waits for a database that is still starting, and raises its error when it stays away.

        One of several connects when its database is there.
        """
        if self.breaker is None:
            await self._connect()
        else:
            await self.breaker.start()

    async def there(self) -> None:
        """Wait until the database is there."""
        if self.breaker is not None:
            await self.breaker.there()

    async def _connect(self, *, wait_seconds: float = 30) -> None:
        await self.database.connect(wait_seconds=wait_seconds)
        self._is_open = True
        if self._listener is not None:
            self._listener.start()
        self.follower.start()
        self.queue_history.start()
        self._chores += [asyncio.create_task(self._warn()), asyncio.create_task(self._do_chores())]

    async def _warn(self) -> None:
        await self.there()
        await budget.warn(
            self.database, "web", listen=self._listens, is_shard=bool(self.name), is_home=self._is_home
        )

    async def _look(self) -> None:
        """Raises what keeps the database from being used. It connects when it is first there."""
        try:
            asking = or_again(
                self._ping.fetch(own_shard.SQL.own_name), lambda: self._ping.fetch(own_shard.SQL.own_name)
            )
            [row] = await answer(asking, PATIENCE_SECONDS, steps=4)
        except BaseException:
            await self._ping.drop()
            raise
        if row["name"] not in (None, self.name):
            raise OtherShard(self.name, row["name"])
        if not self._is_open:
            await self._connect(wait_seconds=0)

    async def close(self) -> None:
        """Disconnect."""
        if self.breaker is not None:
            await self.breaker.stop()
        for chore in self._chores:
            chore.cancel()
        await self.queue_history.stop()
        await self.follower.stop()
        if self._listener is not None:
            await self._listener.stop()
        for link in (*self._links, self._ping):
            await link.close()
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


def _listener(url: str, follower: JobFollower) -> Listener:
    channels = {"sooner.changed": follower.notified, "sooner.output": follower.put_out}
    return Listener(url, "web", channels, follower.resync, lagged=note_notification_lag)


def _replica(url: str | None, primary: Database, *, direct: bool) -> Replica:
    if url is None:
        return Replica(primary, None)
    wanted = parsed(url).parameters.get("target_session_attrs")
    replica = pool(url, "web replica", direct=direct)
    return Replica(primary, replica, follows_only=wanted in ("standby", "prefer-standby"))
