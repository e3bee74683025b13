"""Waiting for jobs: one LISTEN connection a web process, and a dictionary of futures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from src import logs
from src.db import Group, Link, Queries, Unavailable
from src.jobs.row import Job

log = logs.get(__name__)

SQL = Queries("src.jobs", "sql/read.sql")

#: A lost notification costs at most this long.
POLL_SECONDS = 2.0
POLL_SECONDS_WITHOUT_LISTEN = 0.15
BATCH = 500


class Watcher:
    """One watching request: woken at each change of its job."""

    __slots__ = ("_changed", "id")

    def __init__(self, id: UUID) -> None:
        self.id = id
        self._changed: asyncio.Future[None] | None = None

    def notice(self) -> None:
        """The job has changed."""
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


class Watch:
    """Tells requests when their jobs change; reads jobs, one statement for all who ask at the same time.

    A waiting request holds a future and nothing else: no connection, no task of its own.
    """

    def __init__(self, link: Link, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._link = link
        self._poll_seconds = poll_seconds
        self._watchers: dict[UUID, list[Watcher]] = {}
        self._read: Group[UUID, Job | None] = Group(self._read_many, limit=BATCH)
        self._poller: asyncio.Task[None] | None = None
        self._released = asyncio.Event()

    def start(self) -> None:
        """Begin to look after lost notifications."""
        self._poller = asyncio.create_task(self._poll_forever())

    async def stop(self) -> None:
        """Stop looking."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    def release(self) -> None:
        """Let every waiting request go: the process is ending."""
        self._released.set()
        self.resync()

    @property
    def is_released(self) -> bool:
        """Whether nobody should wait any more."""
        return self._released.is_set()

    def changed(self, payload: str) -> None:
        """A notification: ids of jobs, separated by commas. Anything else in it is ignored."""
        for text in payload.split(","):
            with contextlib.suppress(ValueError):
                self._notice(UUID(text))

    def resync(self) -> None:
        """Notifications may be lost: everyone looks again."""
        for id in list(self._watchers):
            self._notice(id)

    def _notice(self, id: UUID) -> None:
        for watcher in self._watchers.get(id, ()):
            watcher.notice()

    @asynccontextmanager
    async def on(self, id: UUID) -> AsyncIterator[Watcher]:
        """Watch a job. Begin before the job is submitted or read, so that no change is missed."""
        watcher = Watcher(id)
        self._watchers.setdefault(id, []).append(watcher)
        try:
            yield watcher
        finally:
            others = self._watchers[id]
            others.remove(watcher)
            if not others:
                del self._watchers[id]

    async def job(self, id: UUID) -> Job | None:
        """A job as it is now; None where there is none, or an expired one. Raises Unavailable."""
        return await self._read(id)

    async def final(self, watcher: Watcher, seconds: float) -> Job | None:
        """The watched job once it is final; None where it is not within `seconds`, or the process is ending."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.is_released:
                    await watcher.change()
                    with contextlib.suppress(Unavailable):
                        job = await self.job(watcher.id)
                        if job is None or job.state.is_final:
                            return job
        return None

    async def _read_many(self, ids: Sequence[UUID]) -> Sequence[Job | None]:
        rows = await self._link.fetch(SQL.jobs, ids=list(set(ids)))
        jobs = {row["message_id"]: Job.read(row) for row in rows}
        return [jobs.get(id) for id in ids]

    async def _poll_forever(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self._poll()

    async def _poll(self) -> None:
        watched = list(self._watchers)
        for start in range(0, len(watched), BATCH):
            try:
                rows = await self._link.fetch(SQL.changed, ids=watched[start : start + BATCH])
            except Unavailable as error:
                log.warning("poll failed", error=str(error))
                return
            for row in rows:
                self._notice(row["message_id"])
