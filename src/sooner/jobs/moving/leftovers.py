"""Leftovers: what is still at the source once the tenant has moved, and what comes there while its last jobs run."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from sooner.db import Query
from sooner.jobs.moving import deliveries
from sooner.jobs.moving.copier import MOST_JOBS, Copier
from sooner.jobs.moving.move_end import MoveEnd
from sooner.jobs.moving.removal import remove_belongings, remove_jobs
from sooner.jobs.moving.source_freeze import SourceFreeze
from sooner.jobs.moving.tables import MovedTables

#: The seconds between two looks at jobs that still run.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
#: The last lines of a job's log come at most so long after its end.
LATE_SECONDS = 30.0
#: The ids in one notification, which has less than 8,000 bytes.
MOST_TOLD = 200


class Leftovers:
    """Brings what is left at the source to the target, and then clears the source.

    `settle_seconds` after the switch nobody looks for the tenant at the source any more. Every method raises ShardLost
    and TakenOver.
    """

    def __init__(
        self,
        source: MoveEnd,
        target: MoveEnd,
        copier: Copier,
        freeze: SourceFreeze,
        tables: MovedTables,
        tenant: str,
        *,
        settle_seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self._source = source
        self._target = target
        self._copier = copier
        self._freeze = freeze
        self._jobs = tables.jobs
        self._tenant = tenant
        self._of_tenant = {"tenant": tenant, "mail_lanes": deliveries.MAIL_LANES}
        self._settle_seconds = settle_seconds
        self._say = say
        self._brought: set[UUID] = set()
        self._settled_at = time.monotonic() + settle_seconds

    async def clear(self, since: str, at: str) -> None:
        """Bring all that is left and leave nothing. `since` is the oldest transaction that was under way when all was copied."""
        while True:
            is_quiet = False
            while not is_quiet:
                await self._bring_while_jobs_run(since, at)
                await self._freeze.wait_for_others(self._say)
                await self._bring(since)
                is_quiet = not await self._running()
            await asyncio.sleep(max(0.0, self._settled_at - time.monotonic()))
            await self._late_lines(at)
            if not await self._remove(self._jobs.rest, tenant=self._tenant):
                continue
            await self._freeze.leave_for_good(self._say)
            if not (await self._source.ids(self._jobs.is_left, tenant=self._tenant))[0]:
                break
            # A thread that outlived its job has submitted another one: claims look for those that leave, not those that are gone.
            await self._freeze.take("leaving")
            await self._freeze.wait_for_others(self._say)
        # They are known as the tenant's by its webhooks, which go next.
        await self._bring_ended_deliveries()
        await self._remove_belongings()
        await self._unpark()

    async def _bring_while_jobs_run(self, since: str, at: str) -> None:
        pause, is_said, is_removed = FIRST_PAUSE, False, False
        while True:
            await self._bring(since)
            running = await self._running()
            if not running:
                return
            if not is_said:
                self._say(
                    f"{running} jobs still run in {self._source.shard}: they end there, and are brought then"
                )
                is_said = True
            is_settled = time.monotonic() >= self._settled_at
            # A mail that is being sent is known as the tenant's by its job.
            if is_settled and not is_removed and not await self._are_delivered():
                # Waiting ones would count as the source's backlog for as long as the last job runs.
                await self._late_lines(at)
                is_removed = await self._remove(self._jobs.copied, tenant=self._tenant, since=since)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def _running(self) -> int:
        jobs = await self._source.ids(self._jobs.running, tenant=self._tenant)
        return len(jobs) + await self._are_delivered()

    async def _are_delivered(self) -> bool:
        [are_delivered] = await self._source.ids(deliveries.SQL.running, tenant=self._tenant)
        return bool(are_delivered)

    async def _bring(self, since: str) -> None:
        # The jobs that they tell of have ended before: these are looked for afterwards, and brought first.
        parked = await self._park_deliveries()
        ids = await self._source.ids(self._jobs.leftovers, tenant=self._tenant, since=since)
        new = [id for id in ids if id not in self._brought]
        if new:
            await self._bring_jobs(new)
        await self._bring_deliveries(parked)

    async def _bring_jobs(self, new: list[UUID]) -> None:
        await self._copier.add_jobs(new)
        self._brought.update(new)
        self._settled_at = time.monotonic() + self._settle_seconds
        await self._target.rows(self._jobs.wake, ids=new)
        for start in range(0, len(new), MOST_TOLD):
            for end in (self._source, self._target):
                await end.rows(self._jobs.tell_followers, ids=new[start : start + MOST_TOLD])

    async def _park_deliveries(self) -> list[UUID]:
        await self._freeze.rows(deliveries.SQL.park_all, **self._of_tenant)
        return await self._source.ids(deliveries.SQL.parked, **self._of_tenant)

    async def _bring_deliveries(self, parked: list[UUID]) -> None:
        await self._copier.add_jobs(parked)
        await self._unpark()
        if parked:
            await self._freeze.rows(deliveries.SQL.remove_parked, **self._of_tenant)

    async def _bring_ended_deliveries(self) -> None:
        while ids := await self._source.ids(deliveries.SQL.ended, tenant=self._tenant, batch=MOST_JOBS):
            await self._copier.add_jobs(ids)
            await self._freeze.run_held(partial(remove_jobs, ids))

    async def _unpark(self) -> None:
        """Bring the target's parked deliveries back, whoever has parked them, and when."""
        await self._target.rows(deliveries.SQL.unpark, **self._of_tenant)

    async def _late_lines(self, at: str) -> None:
        ids = await self._source.ids(self._jobs.ended_late, tenant=self._tenant, at=at, late=LATE_SECONDS)
        await self._copier.late_lines(ids)

    async def _remove(self, page: Query, **values: Any) -> bool:
        """Remove jobs that are at the target; False where others had to be brought, and there may be more of them."""
        while ids := await self._source.ids(page, batch=MOST_JOBS, **values):
            there = set(await self._target.ids(self._jobs.there, ids=ids))
            missing = [id for id in ids if id not in there]
            # What a thread that outlived its job has submitted meanwhile; an expired one is removed at the target already.
            late = await self._source.ids(self._jobs.unexpired, ids=missing) if missing else []
            if late:
                await self._bring_jobs(late)
                return False
            await self._freeze.run_held(partial(remove_jobs, ids))
        return True

    async def _remove_belongings(self) -> None:
        await self._freeze.run_held(partial(remove_belongings, self._tenant))
