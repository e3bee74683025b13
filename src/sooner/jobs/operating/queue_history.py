"""The history of the queues over the last hours, from a sample every few seconds by any web process."""

import asyncio
import time
from collections.abc import Collection, Iterable
from typing import Any

from sooner.db import (
    Database,
    Queries,
    Replica,
    Unavailable,
)
from sooner.jobs.operating.queues import Queues
from sooner.process import logs
from sooner.process.clock.pace import Pace

log = logs.get(__name__)

SQL = Queries("sooner.jobs.operating", "sql/queue_history.sql")

STEP_SECONDS = 10
KEPT_SECONDS = 6 * 3600
#: Looking takes at most this share of one core's time, however long the queues are.
SHARE = 0.02

NUMBERS = ("waiting", "processing", "finished_per_minute", "oldest_waiting_seconds")

#: For each queue, lists of Unix time and the four numbers, the oldest first.
Past = dict[str, list[list[Any]]]


class QueueHistory:
    """Takes samples as long as it runs, and reads them back."""

    def __init__(self, database: Database, replica: Replica, queues: Queues) -> None:
        self._database = database
        self._replica = replica
        self._queues = queues
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take samples."""
        self._task = asyncio.create_task(self._take_forever())

    async def stop(self) -> None:
        """Take no more samples."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _take_forever(self) -> None:
        pace = Pace(SHARE, least=STEP_SECONDS)
        while True:
            began = time.monotonic()
            try:
                await self.take()
            except Unavailable as error:
                log.warning("no sample taken: database away", error=str(error))
            except Exception:
                log.exception("no sample taken")
            pace.took(time.monotonic() - began)
            await asyncio.sleep(pace.rest)

    async def take(self) -> None:
        """Take this moment's sample, unless another process has taken it. Raises Unavailable."""
        if await self._database.row(SQL.taken, step=STEP_SECONDS) is not None:
            return
        rows = await self._queues.all()
        waiting, processing, finished, oldest = ([row[name] for row in rows] for name in NUMBERS)
        await self._database.run(
            SQL.take,
            step=STEP_SECONDS,
            kept=KEPT_SECONDS,
            queue=[row["name"] for row in rows],
            waiting=waiting,
            processing=processing,
            finished=finished,
            oldest=oldest,
        )

    async def read(self, seconds: int, step: int) -> Past:
        """The last `seconds` with a value every `step` seconds. Raises Unavailable."""
        queues: Past = {}
        for row in await self._replica.rows(SQL.history, seconds=seconds, step=step):
            values = [row[name] for name in ("at", "waiting", "processing", "finished", "oldest")]
            queues.setdefault(row["queue"], []).append(values)
        return queues


def merged_history(shards: Collection[Past]) -> Past:
    """The histories of several shards: the numbers of a time added up, but how long the oldest waited, which is the longest."""
    if len(shards) == 1:
        return next(iter(shards))
    by_queue: dict[str, dict[int, list[list[Any]]]] = {}
    for queue, at, numbers in _settled(shards):
        by_queue.setdefault(queue, {}).setdefault(at, []).append(numbers)
    return {
        queue: [[at, *_together(numbers)] for at, numbers in sorted(times.items())]
        for queue, times in sorted(by_queue.items())
    }


def _settled(shards: Iterable[Past]) -> Iterable[tuple[str, int, list[Any]]]:
    """Each sample, but not those of the last time while a shard that has a sample before it has none for it yet."""
    samples = [[(queue, *each) for queue, its in past.items() for each in its] for past in shards]
    latest = {max(at for _, at, *_ in its) for its in samples if its}
    yet = max(latest, default=0) if len(latest) > 1 else None
    return [(queue, at, numbers) for its in samples for queue, at, *numbers in its if at != yet]


def _together(numbers: Iterable[list[Any]]) -> list[Any]:
    *counts, oldest = zip(*numbers, strict=True)
    return [*map(sum, counts), max((each for each in oldest if each is not None), default=None)]
