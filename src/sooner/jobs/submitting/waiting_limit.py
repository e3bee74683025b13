"""How many jobs of each tenant wait."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sooner.db import Database, Group, Queries
from sooner.process.clock.pace import Pace

SQL = Queries("sooner.jobs.submitting", "sql/waiting_limit.sql")

#: So near to the limit the table is asked before each job: exact where it matters.
MARGIN = 100
#: Looking takes at most this share of the time: beside an old transaction it is long.
LOOKING_SHARE = 0.02
#: A tenant that submits nothing for this long is asked about anew when it does.
FORGET_SECONDS = 10.0


@dataclass(slots=True)
class TenantCount:
    """What is known of one tenant: `counted` in the table, and jobs `added` here that this may not have seen.

    Of those `landed` have their rows since.
    """

    counted: int
    used_at: float
    added: int = 0
    landed: int = 0

    def reserve(self) -> None:
        """One more, now."""
        self.added += 1
        self.used_at = time.monotonic()


class WaitingLimit:
    """Holds each tenant to a number of waiting jobs, postponed ones included.

    Counts in memory, corrected from the table every second for tenants that submit. Several processes may
    together exceed a limit by what they add at the same moment, one process never does.
    """

    def __init__(self, database: Database, lanes: Collection[str], *, most: int) -> None:
        self._database = database
        self._lanes = list(lanes)
        self._most = most
        self._counts: dict[str, TenantCount] = {}
        self._look: Group[str, TenantCount] = Group(self._look_many)
        self._pace = Pace(LOOKING_SHARE)

    def add_safely(self, tenant: str) -> bool:
        """Reserve room for one job where there is plenty: whether there is, by what is known."""
        count = self._counts.get(tenant)
        if count is None or count.counted + count.added + MARGIN >= self._most:
            return False
        count.reserve()
        return True

    async def add(self, tenant: str) -> bool:
        """Reserve room for one job by looking at the table: whether there is any. Raises Unavailable."""
        count = await self._look(tenant)
        if count.counted + count.added >= self._most:
            return False
        count.reserve()
        return True

    def landed(self, tenant: str) -> None:
        """The job that room was reserved for has its row."""
        if (count := self._counts.get(tenant)) is not None:
            count.landed += 1

    def withdraw(self, tenant: str) -> None:
        """There was no such job after all."""
        if (count := self._counts.get(tenant)) is not None:
            count.added = max(0, count.added - 1)

    async def refresh(self) -> None:
        """Look at the table for those that submit, if it is time. Raises Unavailable."""
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
        # What had landed before the table was read is in its count now.
        count.added = max(0, count.added - seen)
        count.landed = max(0, count.landed - seen)
