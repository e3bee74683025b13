"""Adding up the tally of ended attempts, which the statements that end them leave behind."""

import asyncio

from sooner.db import Link, Unavailable
from sooner.jobs.operating.attempt_counts import DAYS, SQL
from sooner.process import logs

log = logs.get(__name__)

#: The seconds between two rounds: readers count what is not added up yet, so nothing depends on it.
SECONDS = 5.0
BATCH = 5000


class Tallies:
    """Adds up the tally as long as it runs; what a worker that died has left is added up by any other."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to add up."""
        self._task = asyncio.create_task(self._add_up_forever())

    async def stop(self) -> None:
        """Add up no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _add_up_forever(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            try:
                while await self.add_up() == BATCH:
                    pass
            except Unavailable as error:
                log.warning("ended attempts not added up", error=str(error))
            except Exception:
                log.exception("ended attempts not added up")

    async def add_up(self) -> int:
        """Add up a batch; the result is the number of its rows. Raises Unavailable."""
        [row] = await self._link.fetch(SQL.add_up, batch=BATCH, kept=DAYS * 86400)
        return int(row["added"])
