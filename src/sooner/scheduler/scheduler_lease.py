"""The lease under which one scheduler leads."""

import os
import socket
import time
from uuid import UUID

from sooner.db import Link, Queries
from sooner.process import clock
from sooner.queue.ids import uuid7

SQL = Queries("sooner.scheduler", "sql/scheduler_lease.sql")

#: A lease is held for this part of LEASE_SECONDS; in the rest a standby notices that it expired.
HELD_PART = 0.8
#: The heartbeats within one lease, so many of which may fail.
BEATS = 4
#: The longest seconds between heartbeats, each of which also reads the database's clock.
LONGEST_BEAT = 3.0


class LeaseLost(Exception):
    """Another scheduler leads."""


class SchedulerLease:
    """The scheduler's lease: its holder leads, under a fencing number that grows with each new holder.

    The idea of the fencing number is Martin Kleppmann's, "How to do distributed locking" (2016): every write names it,
    and a write with an old number changes nothing. Methods raise Unavailable when the database is away.
    """

    def __init__(self, link: Link, now: clock.DatabaseClock, *, seconds: float) -> None:
        self.holder: UUID = uuid7()
        self.fence: int = 0
        self._link = link
        self._clock = now
        self._seconds = seconds * HELD_PART
        self._beat_at = 0.0
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    @property
    def beat_seconds(self) -> float:
        """The longest time between two heartbeats."""
        return min(self._seconds / BEATS, LONGEST_BEAT)

    async def take(self) -> tuple[bool, float]:
        """Try to take the lease: whether this process leads now, and if not, the seconds for which another surely does."""
        [row] = await self._link.fetch(
            SQL.take, holder=self.holder, holder_name=self._name, seconds=self._seconds
        )
        self._clock.set(row["now"])
        if row["fence"] is None:
            return False, row["seconds_left"]
        self.fence = row["fence"]
        self._beat_at = time.monotonic()
        return True, 0

    async def beat(self) -> None:
        """Extend the lease. Raises LeaseLost."""
        rows = await self._link.fetch(SQL.beat, holder=self.holder, fence=self.fence, seconds=self._seconds)
        if not rows:
            raise LeaseLost
        self._clock.set(rows[0]["now"])
        self._beat_at = time.monotonic()

    async def keep(self) -> None:
        """Extend the lease if it is time for a heartbeat. Raises LeaseLost."""
        if time.monotonic() - self._beat_at >= self.beat_seconds:
            await self.beat()

    async def release(self) -> None:
        """Give the lease up, if it is still held."""
        await self._link.fetch(SQL.release, holder=self.holder, fence=self.fence)
