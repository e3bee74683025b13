"""The freeze of a tenant where it leaves: for some seconds at a time while rows are copied, without end once all are."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sooner.db import Queries, Query
from sooner.db.link import Connection, rows
from sooner.jobs.moving import deliveries
from sooner.jobs.moving.journal import TakenOver
from sooner.jobs.moving.move_end import MoveEnd, MoveHalted, Row, ShardLost
from sooner.queue import freeze

T = TypeVar("T")

SQL = Queries("sooner.jobs.moving", "sql/freeze.sql")

#: Where a mover dies, its tenant works on after so long.
LEASE_SECONDS = 10.0
RENEW_SECONDS = 2.0
#: How long transactions of before the freeze may last.
BARRIER_SECONDS = 2.0
LOOK_SECONDS = 0.01


class FreezeLapsed(MoveHalted):
    """The freeze has ended before all was copied."""

    def __init__(self, tenant: str, shard: str) -> None:
        super().__init__(f"The freeze of {tenant} in {shard} ended before all was copied: it works on there.")


class Barrier:
    """Bounds how long others' transactions are waited for without a word."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self._say = say
        self._deadline = time.monotonic() + BARRIER_SECONDS

    async def look_again(self, said: str) -> None:
        """Rest a moment. Raises MoveHalted where it takes too long and nobody is to be told."""
        if time.monotonic() > self._deadline:
            if self._say is None:
                raise MoveHalted(said)
            self._say(f"{said} The move waits for it")
            self._deadline = math.inf
        await asyncio.sleep(LOOK_SECONDS)


class HeldFreeze:
    """A freeze of a tenant in one database, which is this mover's until another mover takes it.

    Every method raises ShardLost.
    """

    def __init__(self, end: MoveEnd, tenant: str) -> None:
        self._end = end
        self._tenant = tenant
        self._mark = datetime.min.replace(tzinfo=UTC)

    async def take(self, reason: freeze.Reason, seconds: float | None = None) -> None:
        """Freeze the tenant, for so many seconds or without end, and make the freeze this mover's."""

        async def use(connection: Connection) -> None:
            await freeze.freeze(connection, self._tenant, reason, seconds)
            self._mark = await freeze.take(connection, self._tenant)

        await self._end.run_whole(use)

    async def hold(self, connection: Connection) -> None:
        """Keep the freeze this mover's while the connection's transaction lasts. Raises TakenOver."""
        if not await rows(connection, SQL.hold, tenant=self._tenant, since=self._mark):
            raise TakenOver(self._tenant)

    async def run_held(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """The result of `use` in one transaction, during which the freeze is this mover's. Raises TakenOver."""

        async def held(connection: Connection) -> T:
            await self.hold(connection)
            return await use(connection)

        return await self._end.run_whole(held)

    async def rows(self, query: Query, **values: Any) -> Sequence[Row]:
        """The rows of one query, during which the freeze is this mover's. Raises TakenOver."""
        return await self.run_held(lambda connection: rows(connection, query, **values))

    async def thaw(self) -> None:
        """End the freeze, and bring parked deliveries back. Raises TakenOver."""

        async def use(connection: Connection) -> None:
            await freeze.thaw(connection, self._tenant)
            await rows(
                connection, deliveries.SQL.unpark, tenant=self._tenant, mail_lanes=deliveries.MAIL_LANES
            )

        await self.run_held(use)


class SourceFreeze(HeldFreeze):
    """The freeze where the tenant leaves; a connection of its own renews it while the other one copies."""

    def __init__(self, source: MoveEnd, renewing: MoveEnd, tenant: str) -> None:
        super().__init__(source, tenant)
        self._renewing = renewing
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Freeze the tenant, and keep it frozen until `stop`."""
        await self.take("leaving", LEASE_SECONDS)
        self._task = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        async def use(connection: Connection) -> None:
            await freeze.renew(connection, self._tenant, self._mark, LEASE_SECONDS)

        while True:
            await asyncio.sleep(RENEW_SECONDS)
            # A freeze that could not be renewed cannot be made endless.
            with contextlib.suppress(ShardLost):
                await self._renewing.run(use)

    async def stop(self) -> None:
        """Renew no more."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def wait_for_others(self, say: Callable[[str], None] | None = None) -> None:
        """Wait until all transactions have ended that may not know of the freeze.

        Where one lasts, `say` is told of it; without it, raises MoveHalted.
        """
        barrier = Barrier(say)
        ids = await self._end.ids(SQL.open_transactions)
        while found := await self._end.rows(SQL.still_open, ids=ids):
            await barrier.look_again(f"A transaction in {self._end.shard} does not end: {_oldest(found)}.")
        ids = await self._end.ids(SQL.prepared_transactions)
        while prepared := set(ids) & set(await self._end.ids(SQL.prepared_transactions)):
            named = ", ".join(sorted(prepared))
            await barrier.look_again(
                f"A transaction in {self._end.shard} is prepared for a two-phase commit: commit {named}, or roll it back."
            )

    async def make_endless(self) -> None:
        """Make the freeze one that only a thaw ends. Raises FreezeLapsed where it has ended.

        One statement is the whole transaction: the time by which it judges is its own, not that of an earlier `begin`
        after which the mover stood still.
        """
        if not await self._end.run(
            lambda connection: freeze.renew(connection, self._tenant, self._mark, None)
        ):
            raise FreezeLapsed(self._tenant, self._end.shard)

    async def park(self, ids: Sequence[UUID], due_by: datetime) -> set[UUID]:
        """Park deliveries; the result is those that still wait. Raises TakenOver."""
        found = await self.rows(deliveries.SQL.park, ids=ids, until=due_by)
        return {row["message_id"] for row in found}

    async def leave_for_good(self, say: Callable[[str], None]) -> None:
        """Note that the tenant is gone, and wait until nobody writes for it any more. Raises TakenOver."""
        await self.run_held(lambda connection: freeze.freeze(connection, self._tenant, "gone", None))
        await self.wait_for_others(say)


def _oldest(found: Sequence[Row]) -> str:
    oldest = max(found, key=lambda row: row["seconds"] or 0)
    program, state = oldest["program"] or "a program without a name", oldest["state"] or "under way"
    lasted = "" if oldest["seconds"] is None else f" for {oldest['seconds']:.0f} s"
    return f"process {oldest['pid']}, {program}, {state}{lasted}"
