"""Rescue: jobs that wait where no living worker claims them."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from sooner.db import Link, Queries, Unavailable
from sooner.db.retry import forever, unforeseen
from sooner.process import logs
from sooner.process.clock.pace import Pace
from sooner.queue.broker import Placement
from sooner.queue.claim import HeldLease
from sooner.queue.enqueue import Enqueuer
from sooner.queue.freeze import STAYS
from sooner.queue.lane import Lane
from sooner.queue.transitions import TRANSITIONS

log = logs.get(__name__)

SQL = Queries("sooner.queue", "sql/rescue.sql", stays=STAYS)

#: The seconds between looks without a notification.
LOOK_SECONDS = 2.0
#: The looks of all workers together take at most this share of the time: each walks over all due jobs.
SHARE = 0.02
#: After a look that took longer the next has a connection of its own.
LONG_SECONDS = 0.1
#: The shortest rest between two looks.
LEAST_SECONDS = 0.1
#: The most jobs that one statement moves.
BATCH = 500
#: The most jobs that one statement ends: their ids fit into one notification.
MOST_ENDED = 200

Row = Mapping[str, Any]


class Rescuer:
    """Moves jobs of a worker's actors to lanes that it claims from, and ends jobs whose actor no worker knows.

    When an actor's declaration changes, its waiting jobs lie in the lane of the former declaration. They stay there while a
    worker lives that claims them, which during a deploy is a worker of the former version.

    Its look walks over all due jobs: while that is long it goes over `aside`, so that nobody waits for it who shares `link`.

    `placement` returns the placement of an actor's message and tenant by the current declaration. `known` are the actors that
    this worker serves.
    """

    def __init__(
        self,
        link: Link,
        aside: Link,
        lease: HeldLease,
        known: Collection[str],
        placement: Callable[[str, str, str | None], Placement],
        *,
        stranded_seconds: float,
        retention: float,
    ) -> None:
        self._link = link
        self._aside = aside
        #: Whether the last look was long, as the first may be.
        self._is_long = True
        self._lease = lease
        self._known = frozenset(known)
        self._placement = placement
        self._stranded_seconds = stranded_seconds
        self._retention = retention
        self._enqueuer = Enqueuer(link)
        self._pace = Pace(SHARE, least=LEAST_SECONDS)
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(unforeseen("rescuing")(self._look_forever))

    async def stop(self) -> None:
        """Stop looking, and note that the worker claims no more."""
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self._link.fetch(SQL.withdraw, worker=self._lease.id)

    def wake(self) -> None:
        """A job may have come in a lane that is not its actor's."""
        self._awake.set()

    async def _look_forever(self) -> None:
        while True:
            async for attempt in forever():
                with attempt:
                    await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), LOOK_SECONDS)
            self._awake.clear()
            await asyncio.sleep(max(0.0, self._pace.rest))

    async def look(self) -> None:
        """Look once, and rescue the jobs found. Raises Unavailable."""
        if not self._lease.is_held():
            # Without its lease the worker would not claim the jobs that it moved.
            return
        rows, took = await self._unclaimed()
        [living] = await self._link.fetch(SQL.living)
        self._pace.took(took * max(1, living["workers"]))
        for row in rows:
            if row["actor"] in self._known:
                await self._bring(row["actor"], Lane.read(row["lane"]))
        unknown = [row for row in rows if row["is_due"] and not row["is_known"]]
        if unknown or living["is_any_unknown"]:
            await self._count(unknown)

    async def _unclaimed(self) -> tuple[Sequence[Row], float]:
        """The rows of a look, and its seconds."""
        link = self._aside if self._is_long else self._link
        began = time.monotonic()
        rows = await link.fetch(SQL.unclaimed)
        took = time.monotonic() - began
        self._is_long = took > LONG_SECONDS
        if link is not self._link and not self._is_long:
            await link.close()
        return rows, took

    async def _bring(self, actor: str, lane: Lane) -> None:
        moved = 0
        while strays := await self._link.fetch(SQL.strays, lane=lane.name, actor=actor, batch=BATCH):
            of_batch = await self._move(actor, lane, strays)
            moved += of_batch
            if of_batch < BATCH:
                break
        if moved:
            log.info("jobs brought to where they are claimed", actor=actor, lane=lane.name, jobs=moved)

    async def _move(self, actor: str, lane: Lane, strays: Sequence[Row]) -> int:
        placements: dict[UUID, Placement] = {
            row["message_id"]: self._placement(actor, row["message"], row["tenant"]) for row in strays
        }
        limits = {
            placement.limit.key: placement.limit
            for placement in placements.values()
            if placement.limit is not None
        }
        if limits:
            await self._enqueuer.limits(list(limits.values()))
        declared = next(iter(placements.values())).lane
        to = declared.last if lane.is_last else declared
        [row] = await self._link.fetch(
            SQL.move,
            ids=list(placements),
            limit_keys=[
                None if placement.limit is None else placement.limit.key for placement in placements.values()
            ],
            actor=actor,
            from_lane=lane.name,
            to_lane=to.name,
            to_queue=to.queue,
        )
        return int(row["moved"])

    async def _count(self, unknown: Sequence[Row]) -> None:
        actors = sorted({row["actor"] for row in unknown})
        for row in await self._link.fetch(SQL.unknown, actors=actors, seconds=self._stranded_seconds):
            await self._give_up(
                row["name"], [each["lane"] for each in unknown if each["actor"] == row["name"]]
            )

    async def _give_up(self, actor: str, lanes: Sequence[str]) -> None:
        error, total = no_such_actor(actor, self._stranded_seconds), 0
        for lane in lanes:
            ended = MOST_ENDED
            while ended == MOST_ENDED:
                [row] = await self._link.fetch(
                    TRANSITIONS.give_up,
                    lane=lane,
                    actor=actor,
                    batch=MOST_ENDED,
                    error=error,
                    retention=self._retention,
                )
                ended = row["ended"]
                total += ended
        await self._link.fetch(SQL.given_up, actor=actor)
        log.warning("jobs ended whose actor no worker knows", actor=actor, jobs=total)


def no_such_actor(actor: str, seconds: float) -> str:
    """The error of a job whose actor nobody knows, as JSON."""
    known = f"No worker has known the actor {actor!r} for {seconds / 60:g} minutes: it was removed or renamed"
    error = {
        "type": "no-such-actor",
        "title": "No worker knows the actor",
        "detail": f"{known}. Once a worker that knows it runs again, the job can be retried.",
    }
    return orjson.dumps(error).decode()
