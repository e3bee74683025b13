"""The backlog: whether anything is left to do."""

from collections.abc import Sequence

from src.db import Link, Queries
from src.queue.claim import Lane

SQL = Queries("src.queue", "sql/backlog.sql")


class Backlog:
    """What the lanes hold, and what is held of them."""

    def __init__(self, link: Link, lanes: Sequence[Lane]) -> None:
        self._link = link
        self._lanes = [lane.name for lane in lanes]
        self._queues = sorted({lane.queue for lane in lanes})
        self._actors = sorted({actor for lane in lanes for actor in lane.actors})

    async def is_empty(self) -> bool:
        """Whether nothing is due and nothing runs, here or elsewhere: a dead worker's job may still come back.

        Postponed jobs and those of paused queues count for nothing. Raises Unavailable.
        """
        [row] = await self._link.fetch(
            SQL.remains, lanes=self._lanes, queues=self._queues, actors=self._actors
        )
        return not row["remains"]
