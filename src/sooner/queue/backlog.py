"""The backlog of a worker's lanes: whether anything is left to do."""

import socket
from collections.abc import Sequence

from sooner.db import Link, Queries
from sooner.queue.claim import ServedLane

SQL = Queries("sooner.queue", "sql/backlog.sql")


class Backlog:
    """The waiting and running jobs of a worker's lanes."""

    def __init__(self, link: Link, served: Sequence[ServedLane]) -> None:
        self._link = link
        self._queues = sorted({each.lane.queue for each in served})
        self._actors = sorted({actor for each in served for actor in each.actors})

    async def is_empty(self) -> bool:
        """Whether no job is due, and none runs on this host or is held by a dead worker, from which it may come back.

        Postponed jobs, jobs of paused queues and jobs of other hosts' living workers do not count. Raises Unavailable.
        """
        [row] = await self._link.fetch(
            SQL.remains, queues=self._queues, actors=self._actors, host=socket.gethostname()
        )
        return not row["remains"]
