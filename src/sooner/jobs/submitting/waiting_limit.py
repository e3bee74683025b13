"""The limit of waiting jobs of a tenant."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sooner.db import Database, Group, Queries
from sooner.process.clock.pace import Pace

SQL = Queries("sooner.jobs.submitting", "sql/waiting_limit.sql")

#: This near to the limit, the table is asked before each job: the count is exact where it matters.
MARGIN = 100
#: Looking takes at most this share of the time: an old transaction makes looks slow.
LOOKING_SHARE = 0.02
#: The count of a tenant that submits nothing for this long is forgotten.
FORGET_SECONDS = 10.0


@dataclass(slots=True)
class TenantCount:
    """The count of one tenant: jobs `counted` in the table, and jobs `added` here since, which it may not include.

    `landed` of the added jobs have their rows.
    """

    counted: int
    used_at: float
    added: int = 0
    landed: int = 0

    def reserve(self) -> None:
        """Count one more job."""
        self.added += 1
        self.used_at = time.monotonic()


class WaitingLimit:
    """Holds each tenant to a number of waiting jobs, postponed ones included.

    It counts in memory, corrected from the table every second for tenants that submit. One process never exceeds a
    limit; several processes may exceed it together by the jobs that they add at the same moment.
    """

    def __init__(self, database: Database, lanes: Collection[str], *, most: int) -> None:
        self._database = database
        self._lanes = list(lanes)
        self._most = most
        self._counts: dict[str, TenantCount] = {}
        self._look: Group[str, TenantCount] = Group(self._look_many)
        self._pace = Pace(LOOKING_SHARE)

    def add_safely(self, tenant: str) -> bool:
        """Reserve room for one job without a look at the table; False where the limit is near."""
        count = self._counts.get(tenant)
        if count is None or count.counted + count.added + MARGIN >= self._most:
            return False
        count.reserve()
        return True

    async def add(self, tenant: str) -> bool:
        """Reserve room for one job after a look at the table; False where there is none. Raises Unavailable."""
        count = await self._look(tenant)
        if count.counted + count.added >= self._most:
            return False
        count.reserve()
        return True

    def landed(self, tenant: str) -> None:
        """The job with reserved room has its row."""
        if (count := self._counts.get(tenant)) is not None:
            count.landed += 1

    def withdraw(self, tenant: str) -> None:
        """The job with reserved room was not enqueued after all."""
        if (count := self._counts.get(tenant)) is not None:
            count.added = max(0, count.added - 1)

    async def refresh(self) -> None:
        """Correct the counts of tenants that submit, if it is time. Raises Unavailable."""
        if not self._pace.is_due():
            return
        began = time.monotonic()
        horizon = began - FORGET_SECONDS
        for tenant in [one for one, count in self._counts.items() if count.used_at < horizon]:
            if self._counts[tenant].added == self._counts[tenant].landed:
                del self._counts[tenant]
        if self._counts:
            await self._look_many(list(self._counts))
            self._pace.took(time.monotonic() - began)

    async def _look_many(self, tenants: Sequence[str]) -> Sequence[TenantCount]:
        names = list(dict.fromkeys(tenants))
        before = {name: self._counts[name].landed for name in names if name in self._counts}
        rows = await self._database.rows(SQL.counts, tenants=names, lanes=self._lanes, most=self._most)
        for row in rows:
            self._correct(row["tenant"], row["waiting"], before.get(row["tenant"], 0))
        return [self._counts[tenant] for tenant in tenants]

    def _correct(self, tenant: str, waiting: int, seen: int) -> None:
        count = self._counts.setdefault(tenant, TenantCount(0, time.monotonic()))
        count.counted = waiting
        # The table's count includes the jobs that had landed before it was read.
        count.added = max(0, count.added - seen)
        count.landed = max(0, count.landed - seen)
