"""One move of a tenant, from its source to its target: its steps, each of which may be taken again after a crash.

Before the switch all that is at the target is a copy, which nobody claims; after it all that is at the source is.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sooner.db import Queries
from sooner.jobs.moving import deliveries
from sooner.jobs.moving.copier import MOST_JOBS, Copier
from sooner.jobs.moving.journal import Journal, TakenOver
from sooner.jobs.moving.leftovers import LATE_SECONDS, Leftovers
from sooner.jobs.moving.move_end import MoveEnd, MoveHalted, Row, ShardLost
from sooner.jobs.moving.removal import remove_belongings, remove_jobs
from sooner.jobs.moving.source_freeze import LEASE_SECONDS, FreezeLapsed, HeldFreeze, SourceFreeze
from sooner.jobs.moving.tables import MovedTables

T = TypeVar("T")

UPLOADS = Queries("sooner.jobs.moving", "sql/uploads.sql")

#: The steps after which the tenant has moved.
SWITCHED = ("switched", "thawed")
#: Before the freeze what has changed meanwhile is copied again and again, until that takes no longer than this.
SHORT_SECONDS = 0.3
MOST_ROUNDS = 6
#: How often a freeze that lapsed is tried again.
MOST_FREEZES = 3
#: How long a database is asked on which it depends where the tenant works, when its answer was lost.
DOUBT_SECONDS = 30.0
#: The waiting jobs whose ids are compared at once.
MOST_COMPARED = 10_000

LAST_ID = UUID(int=(1 << 128) - 1)


class TenantMove:
    """The steps of a move. `say` is told of each.

    Every method raises ShardLost where a database is lost, and TakenOver where another mover goes on with the move.
    """

    def __init__(
        self,
        journal: Journal,
        source: MoveEnd,
        target: MoveEnd,
        renewing: MoveEnd,
        tables: MovedTables,
        tenant: str,
        *,
        say: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._source = source
        self._target = target
        self._tables = tables
        self._jobs = tables.jobs
        self._tenant = tenant
        self._say = say
        self._leaving = SourceFreeze(source, renewing, tenant)
        self._arriving = HeldFreeze(target, tenant)
        self._copier = Copier(source, target, tables, self._arriving.hold)
        self._of_tenant = {"tenant": tenant, "mail_lanes": deliveries.MAIL_LANES}
        self._frozen_at = 0.0

    async def close(self) -> None:
        """Renew no freeze any more."""
        await self._leaving.stop()

    # Before the switch

    async def copy(self) -> None:
        """Copy all but what runs, while the tenant works on. Raises MoveHalted where the target has rows of its own."""
        began = time.monotonic()
        if self._journal.step == "begun":
            await self._check_target()
        await self._arriving.take("arriving")
        if self._journal.step in ("freezing", "switching"):
            await self._take_back()
        if self._journal.step in ("begun", "undoing"):
            await self._note_copying("copying", before_at="infinity", before_id=str(LAST_ID))
        copied = await self._copy_pages() + await self._copy_uploads()
        rounds, took = 0, SHORT_SECONDS + 1
        while took > SHORT_SECONDS and rounds < MOST_ROUNDS:
            before = time.monotonic()
            await self._catch_up()
            took, rounds = time.monotonic() - before, rounds + 1
        seconds = time.monotonic() - began
        self._say(f"copied {copied:,} jobs and uploads to {self._target.shard} in {seconds:.1f} s")

    async def _check_target(self) -> None:
        [is_empty] = await self._target.ids(self._jobs.is_empty, tenant=self._tenant)
        if not is_empty:
            await self._journal.end("refused")
            raise MoveHalted(
                f"{self._target.shard} has rows of {self._tenant} that are no copies of {self._source.shard}'s: "
                "find out whose they are, and remove them there first."
            )

    async def _take_back(self) -> None:
        """End the freeze of a mover that is no more."""
        await self._leaving.take("leaving", LEASE_SECONDS)
        await self._thaw()

    async def _thaw(self) -> None:
        await self._leaving.stop()
        await self._leaving.thaw()
        await self._journal.note_frozen("copying", is_frozen=False)

    async def _now(self) -> Row:
        return (await self._source.rows(self._jobs.now))[0]

    async def _note_copying(self, step: str, **detail: Any) -> None:
        now = await self._now()
        await self._journal.note(step, since=now["since"], at=now["at"], **detail)

    async def _copy_pages(self) -> int:
        detail, copied = self._journal.detail, 0
        place = {"before_at": detail["before_at"], "before_id": UUID(detail["before_id"])}
        while found := await self._source.rows(
            self._jobs.page, tenant=self._tenant, batch=MOST_JOBS, **place
        ):
            copied += await self._copier.replace_jobs([row["before_id"] for row in found])
            place = dict(found[-1])
            await self._journal.note("copying", **{name: str(value) for name, value in place.items()})
        return copied

    async def _copy_uploads(self) -> int:
        there = set(await self._target.ids(UPLOADS.whole, tenant=self._tenant))
        found = await self._source.rows(UPLOADS.whole, tenant=self._tenant)
        missing = [(row["id"], row["bytes"]) for row in found if row["id"] not in there]
        await self._copier.uploads(missing)
        return len(missing)

    async def _catch_up(self) -> None:
        """Copy what has changed since the last time."""
        now = await self._now()
        await self._copy_changed(LATE_SECONDS)
        await self._copy_uploads()
        await self._journal.note("copying", since=now["since"], at=now["at"])

    async def _copy_changed(self, late: float) -> int:
        """Copy the jobs that have changed since the last time, or have ended so many seconds before; those that run go."""
        detail = self._journal.detail
        await self._copier.remove_jobs(await self._source.ids(self._jobs.running, tenant=self._tenant))
        return await self._copier.replace_jobs(
            await self._source.ids(
                self._jobs.changed, tenant=self._tenant, since=detail["since"], at=detail["at"], late=late
            )
        )

    # The switch

    async def switch(self) -> None:
        """Freeze the tenant, copy the rest, and bring the tenant to its target.

        Raises MoveHalted where a transaction does not end; the tenant is thawed then, as after a cancellation.
        """
        for attempt in range(1, MOST_FREEZES + 1):
            try:
                await self._freeze_and_switch()
            except FreezeLapsed as lapse:
                if attempt == MOST_FREEZES:
                    raise
                self._say(f"{lapse} Once more")
            else:
                break

    async def _freeze_and_switch(self) -> None:
        # Before the freeze, since it takes a while: no other copy of a waiting job comes until then.
        copies = await self._target.ids(self._jobs.waiting, tenant=self._tenant)
        await self._count(self._journal.detail["since"])
        self._frozen_at = time.monotonic()
        try:
            await self._leaving.begin()
            await self._journal.note_frozen("freezing", is_frozen=True)
            await self._leaving.wait_for_others()
            held, due_by = await self._copy_rest(copies)
        except TakenOver:
            await self._leaving.stop()
            raise
        except BaseException:
            # What cannot be thawed now thaws by itself, when the lease ends.
            with contextlib.suppress(MoveHalted):
                await _whole(self._thaw())
            raise
        await _whole(self._decide(held, due_by))

    async def _copy_rest(self, copies: list[UUID]) -> tuple[list[UUID], datetime]:
        """Copy under the freeze. The result is the copied deliveries, and the time until which they are held at the source."""
        now = await self._now()
        due_by = now["clock"] + timedelta(seconds=LEASE_SECONDS)
        await self._copier.credentials(self._tenant)
        await self._arriving.rows(deliveries.SQL.remove_parked, **self._of_tenant)
        await self._source.rows(deliveries.SQL.hold, until=due_by, **self._of_tenant)
        await self._remove_vanished(copies)
        changed = await self._copy_changed(0.0)
        await self._copy_uploads()
        held = await self._source.ids(deliveries.SQL.held, until=due_by, **self._of_tenant)
        await self._copier.add_deliveries(held, due_by)
        self._say(f"frozen; copied {changed:,} jobs that had changed, and {len(held):,} deliveries")
        await self._journal.note("switching", rest_since=now["since"])
        return held, due_by

    async def _count(self, since: str) -> None:
        """Look once more before the freeze. Raises MoveHalted where copies of what has not changed since are missing."""
        # What expires in the next hour is left out: it is removed in each database, by its own clock.
        values = {"tenant": self._tenant, "lasting": (await self._now())["clock"] + timedelta(hours=1)}
        [jobs] = await self._source.ids(self._jobs.count_unchanged, since=since, **values)
        [copies] = await self._target.ids(self._jobs.count, **values)
        # There may be more: of those that changed, and those that run.
        if copies < jobs:
            raise MoveHalted(
                f"{self._target.shard} has copies of {copies:,} of the {jobs:,} jobs of {self._tenant}: "
                "this is an error of the mover. Take the move back, and report it."
            )

    async def _remove_vanished(self, copies: list[UUID]) -> None:
        """Remove those of the copies of waiting jobs that wait at the source no more: an older move had left them."""
        for start in range(0, len(copies), MOST_COMPARED):
            ids = copies[start : start + MOST_COMPARED]
            wait = set(await self._source.ids(self._jobs.still_waiting, ids=ids))
            await self._copier.remove_jobs([id for id in ids if id not in wait])

    async def _decide(self, held: list[UUID], due_by: datetime) -> None:
        """Past this freeze without end only the home's answer says whether the tenant has moved."""
        await self._leaving.stop()
        try:
            await self._leaving.make_endless()
            waiting = await self._leaving.park(held, due_by)
            # A delivery that was claimed is made by whoever claimed it.
            await self._copier.remove_jobs([id for id in held if id not in waiting])
        except TakenOver:
            raise
        except Exception as halt:
            await self._let_work_on(halt)
            raise
        await self._settle()
        await self.thaw_target()

    async def _let_work_on(self, halt: Exception) -> None:
        """End the endless freeze of a tenant that has not moved. Raises MoveHalted where the source does not answer."""
        try:
            # Where this is another mover's freeze, or an attempt whose answer was lost has ended it, the home says which.
            with contextlib.suppress(TakenOver):
                await _answered(self._leaving.thaw)
        except ShardLost as lost:
            raise MoveHalted(
                f"{halt} {self._tenant} stays frozen, as it cannot be thawed: "
                "give the same command again once that database is back, and it goes on at once."
            ) from lost
        await _answered(partial(self._journal.note_frozen, "copying", is_frozen=False))

    async def _settle(self) -> None:
        """Switch; where the home's answer is lost, ask until it comes. Raises MoveHalted where it does not."""
        try:
            await _answered(self._journal.switch)
        except ShardLost as lost:
            raise MoveHalted(
                f"{lost} Whether {self._tenant} has moved is not known, so it stays frozen: "
                "give the same command again once that database is back, and it goes on at once."
            ) from lost

    # After it

    async def thaw_target(self) -> None:
        """Let the tenant work at its target."""
        await self._leaving.rows(deliveries.SQL.remove_parked, **self._of_tenant)
        await self._arriving.thaw()
        frozen_for = f"; it was frozen for {1000 * (time.monotonic() - self._frozen_at):.0f} ms"
        await self._journal.note("thawed")
        self._say(f"{self._tenant} is in {self._target.shard}{frozen_for if self._frozen_at else ''}")

    async def finish(self, settle_seconds: float) -> None:
        """Bring what is left, wait for what runs, and clear the source."""
        if not self._frozen_at:
            await self._leaving.take("leaving")
        if self._journal.step == "switched":
            await self._arriving.take("arriving")
            await self.thaw_target()
        leftovers = Leftovers(
            self._source,
            self._target,
            Copier(self._source, self._target, self._tables, _unguarded),
            self._leaving,
            self._tables,
            self._tenant,
            settle_seconds=settle_seconds,
            say=self._say,
        )
        await leftovers.clear(self._journal.detail["rest_since"], self._journal.detail["at"])
        await self._journal.end("done")
        self._say(f"nothing of {self._tenant} is left in {self._source.shard}")

    # Back

    async def undo(self) -> None:
        """Let the tenant work on at its source, and remove the copies."""
        has_copies = self._journal.step != "begun"
        await self._leaving.take("leaving", LEASE_SECONDS)
        await self._leaving.thaw()
        await self._journal.note_frozen("undoing" if has_copies else "begun", is_frozen=False)
        if has_copies:
            await self._remove_copies()
        await self._journal.end("undone")
        self._say(
            f"{self._tenant} works on in {self._source.shard}, and nothing of it is in {self._target.shard}"
        )

    async def _remove_copies(self) -> None:
        await self._arriving.take("arriving")
        await self._arriving.rows(deliveries.SQL.remove_parked, **self._of_tenant)
        while ids := await self._target.ids(self._jobs.rest, tenant=self._tenant, batch=MOST_JOBS):
            await self._arriving.run_held(partial(remove_jobs, ids))
        await self._arriving.run_held(partial(remove_belongings, self._tenant))
        await self._arriving.thaw()


async def _answered(ask: Callable[[], Awaitable[None]]) -> None:
    """Ask until the database answers. Raises ShardLost where it does not for a while."""
    deadline = time.monotonic() + DOUBT_SECONDS
    while True:
        try:
            await ask()
        except ShardLost:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)
        else:
            return


async def _unguarded(connection: Any) -> None:
    """After the switch the target is the tenant's own: only what is not there is added."""


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that a cancellation does not stop halfway."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        task.result()
        raise
