"""The history of the queues over the last hours, from a sample every few seconds by any web process."""

import asyncio
import time
from collections.abc import Mapping
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

    async def read(self, seconds: int, step: int) -> Mapping[str, Any]:
        """The last `seconds` with a value every `step` seconds: for each queue, lists of Unix time and the four numbers.

        Raises Unavailable.
        """
        queues: dict[str, list[list[Any]]] = {}
        for row in await self._replica.rows(SQL.history, seconds=seconds, step=step):
            values = [row[name] for name in ("at", "waiting", "processing", "finished", "oldest")]
            queues.setdefault(row["queue"], []).append(values)
        return queues
