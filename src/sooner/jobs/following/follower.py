"""Following jobs: one LISTEN connection a web process, and a dictionary of subscriptions."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Self
from uuid import UUID

from sooner.db import (
    Group,
    Link,
    Queries,
    Unavailable,
)
from sooner.db.retry import unforeseen
from sooner.jobs.row import COLUMNS, Job
from sooner.jobs.states import State
from sooner.process import logs

log = logs.get(__name__)

SQL = Queries("sooner.jobs.following", "sql/read.sql", job=COLUMNS)

#: A lost notification costs at most this long.
POLL_SECONDS = 2.0
POLL_SECONDS_WITHOUT_LISTEN = 0.15
#: Claims send no notification, to stay cheap: subscriptions that want to see a job begin poll this often.
CLOSE_POLL_SECONDS = 0.4
BATCH = 500
NO_VERSION = -1


class Subscription:
    """One request's interest in one job, inside a `with`: each change of the job wakes it.

    `job` is the newest version seen, None before the first; `is_gone` says that the row was removed. With `reads_output`, new
    output wakes it, too.
    """

    __slots__ = ("_changed", "_follower", "closely", "id", "is_gone", "job", "reads_output")

    def __init__(
        self, follower: "JobFollower", id: UUID, *, closely: bool = False, reads_output: bool = False
    ) -> None:
        self.id = id
        self.closely = closely
        self.reads_output = reads_output
        self.job: Job | None = None
        self.is_gone = False
        self._follower = follower
        self._changed: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        self._follower.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._follower.remove(self)

    @property
    def version(self) -> int:
        """The newest version seen; NO_VERSION before the first."""
        return NO_VERSION if self.job is None else self.job.version

    def see(self, job: Job | None) -> None:
        """Take the job as it was just read. A job that was never seen is not gone: its row may not be there yet."""
        if job is not None:
            self.job = job if job.version >= self.version else self.job
        elif self.job is not None:
            self.is_gone = True

    def wake(self) -> None:
        """Wake the request: its job has changed."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        if not self._changed.done():
            self._changed.set_result(None)

    async def change(self) -> None:
        """Wait for the next change since the last call."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await self._changed
        self._changed = None

    async def change_within(self, seconds: float) -> None:
        """Wait for the next change since the last call, and no longer than this."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._changed], timeout=seconds)
        if self._changed.done():
            self._changed = None


class JobFollower:
    """Wakes requests when their jobs change, and reads jobs, with one statement for concurrent readers.

    A waiting request holds a future and nothing else: no connection, no task of its own.
    """

    def __init__(self, link: Link, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._link = link
        self._poll_seconds = poll_seconds
        # Keyed by the id's text, as notifications carry it: most are about jobs that nobody here follows.
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._closely: set[Subscription] = set()
        self._due: dict[str, None] = {}
        self._looking: asyncio.Task[None] | None = None
        self._read: Group[UUID, Job | None] = Group(self._read_many, limit=BATCH)
        self._pollers: list[asyncio.Task[None]] = []
        self._released = asyncio.Event()

    def start(self) -> None:
        """Begin to poll, which makes up for lost notifications."""
        insist = unforeseen("looking at watched jobs")
        close_seconds = min(self._poll_seconds, CLOSE_POLL_SECONDS)
        self._pollers = [
            asyncio.create_task(insist(self._poll_forever, self._poll_seconds, self._all)),
            asyncio.create_task(insist(self._poll_forever, close_seconds, self._close)),
            asyncio.create_task(insist(self._wake_readers_forever)),
        ]

    async def stop(self) -> None:
        """Stop polling."""
        for poller in self._pollers:
            poller.cancel()
        await asyncio.gather(*self._pollers, return_exceptions=True)

    def release(self) -> None:
        """Wake every waiting request for good: the process is ending."""
        self._released.set()
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.wake()

    @property
    def is_released(self) -> bool:
        """Whether the process is ending, so that no request should wait."""
        return self._released.is_set()

    def notified(self, payload: str) -> None:
        """Handle a notification: ids of jobs, separated by commas. Other texts in it are ignored."""
        self._look_at(payload.split(","))

    def put_out(self, payload: str) -> None:
        """Handle a notification of output: ids of jobs, separated by commas.

        Who has not seen the job's start yet sees it first: what puts out has begun.
        """
        ids = payload.split(",")
        if self._closely:
            self._look_at(id for id in ids if not self._closely.isdisjoint(self._subscriptions.get(id, ())))
        self._wake_readers(ids)

    def resync(self) -> None:
        """Read every followed job and its output: notifications may have been lost."""
        self._look_at(list(self._subscriptions))
        self._wake_readers(self._subscriptions)

    def _wake_readers(self, ids: Iterable[str]) -> None:
        for id in ids:
            for subscription in self._subscriptions.get(id, ()):
                if subscription.reads_output and subscription not in self._closely:
                    subscription.wake()

    async def _wake_readers_forever(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            self._wake_readers(self._subscriptions)

    def _look_at(self, ids: Iterable[str]) -> None:
        self._due.update(dict.fromkeys(id for id in ids if id in self._subscriptions))
        if self._due and self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Read the changed jobs and wake their subscriptions. The poll makes up for a failure."""
        try:
            while self._due:
                ids = list(islice(self._due, BATCH))
                for id in ids:
                    del self._due[id]
                await self._show(
                    [subscriptions[0].id for id in ids if (subscriptions := self._subscriptions.get(id))]
                )
        except Unavailable as error:
            log.warning("changed jobs not read", error=str(error))
        finally:
            self._looking = None

    async def _show(self, ids: Sequence[UUID]) -> None:
        for id, job in zip(ids, await self._read_many(ids), strict=True):
            for subscription in self._subscriptions.get(str(id), ()):
                self._tell(subscription, job)
                subscription.wake()

    def _tell(self, subscription: Subscription, job: Job | None) -> None:
        """Show the job to a subscription. While the job waits, a close one polls: a job's start sends no notification."""
        subscription.see(job)
        if subscription.closely and job is not None and job.state is State.WAITING:
            self._closely.add(subscription)
        else:
            self._closely.discard(subscription)

    def subscribe(self, id: UUID, *, closely: bool = False, reads_output: bool = False) -> Subscription:
        """A subscription to a job. Enter it before the job is submitted or read, so that no change is missed.

        `closely`: the job's start is news too, not only its progress and its end. `reads_output`: so is its output.
        """
        return Subscription(self, id, closely=closely, reads_output=reads_output)

    def add(self, subscription: Subscription) -> None:
        """Wake the subscription from now on."""
        self._subscriptions.setdefault(str(subscription.id), []).append(subscription)
        if subscription.closely:
            self._closely.add(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Wake the subscription no more."""
        key = str(subscription.id)
        others = self._subscriptions[key]
        others.remove(subscription)
        self._closely.discard(subscription)
        if not others:
            del self._subscriptions[key]

    def count(self, id: UUID) -> int:
        """The number of subscriptions to the job in this process."""
        return len(self._subscriptions.get(str(id), ()))

    async def look(self, subscription: Subscription) -> Job | None:
        """The subscription's job as it is now; None where it is gone. Raises Unavailable."""
        job = await self.job(subscription.id)
        self._tell(subscription, job)
        return job

    async def job(self, id: UUID) -> Job | None:
        """A job as it is now; None where there is none, or where it has expired. Raises Unavailable."""
        return await self._read(id)

    async def final(self, subscription: Subscription, seconds: float) -> Job | None:
        """The subscription's job once it is final; None after `seconds`, or where the process is ending."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.is_released and not subscription.is_gone:
                    await subscription.change()
                    if subscription.job is not None and subscription.job.state.is_final:
                        return subscription.job
        return None

    async def _read_many(self, ids: Sequence[UUID]) -> Sequence[Job | None]:
        rows = await self._link.fetch(SQL.jobs, ids=list(set(ids)))
        jobs = {job.id: job for job in map(Job.read, rows)}
        return [jobs.get(id) for id in ids]

    def _all(self) -> list[UUID]:
        return [subscriptions[0].id for subscriptions in self._subscriptions.values()]

    def _close(self) -> list[UUID]:
        return list({subscription.id for subscription in self._closely})

    async def _poll_forever(self, seconds: float, watched: Callable[[], Sequence[UUID]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await self._poll(watched())
            except Unavailable as error:
                log.warning("poll failed", error=str(error))

    async def _poll(self, ids: Sequence[UUID]) -> None:
        for start in range(0, len(ids), BATCH):
            asked = ids[start : start + BATCH]
            rows = await self._link.fetch(SQL.versions, ids=asked)
            versions = {row["message_id"]: row["version"] for row in rows}
            # A row that is not there is news to those who have seen it.
            self._look_at(
                str(id)
                for id in asked
                if any(
                    subscription.version != versions.get(id, NO_VERSION)
                    for subscription in self._subscriptions.get(str(id), ())
                )
            )
