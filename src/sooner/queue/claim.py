"""Claiming: batches of due jobs, lane by lane, up to the worker's room."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sooner.db import Link, Queries, Query
from sooner.db.retry import forever, unforeseen
from sooner.process import logs
from sooner.process.clock.pace import Pace
from sooner.queue.enqueue import Enqueuer, LimitRow
from sooner.queue.freeze import STAYS
from sooner.queue.lane import Lane
from sooner.queue.transitions import TRANSITIONS

log = logs.get(__name__)

SQL = Queries("sooner.queue", "sql/claim.sql", stays=STAYS)

#: The seconds between polls, which make up for lost notifications.
POLL_SECONDS = 1.0
#: The seconds between polls where nothing listens.
POLL_SECONDS_WITHOUT_LISTEN = 0.1
#: The most jobs that one statement claims.
BATCH = 100
#: During a backlog, one claim in so many begins with aged jobs of lower priorities.
AGED_EVERY = 8
#: The keys that a claim under limits looks at beside those of the first jobs (the query `limited_keys` repeats the number).
KEYS = 50
#: The seconds between searches for jobs that the worker holds without knowing.
SEARCH_SECONDS = 2.0
#: The seconds between claims that begin with the first round without a reason.
WHOLE_SECONDS = 1.0
#: Such claims and searches take at most this share of the time: an old transaction makes them slow.
SHARE = 0.02
#: A new job may be in a round this much earlier than a claimed job's: rounds are microseconds where nobody waits.
LATE = 200_000
PRIORITIES = 3
#: The payload of a notification of jobs that came back, which keep their older rounds.
BACK = "back"


@dataclass(frozen=True, slots=True)
class ServedLane:
    """A lane that a worker claims from."""

    lane: Lane
    actors: list[str]
    #: Returns the number of jobs that there is room for now.
    room: Callable[[], int]
    #: The actors that need a thread, where the lane's other actors need none.
    threaded: Collection[str] = ()
    #: Returns the number of jobs of `threaded` that there is room for now.
    thread_room: Callable[[], int] = int
    #: What the actors declare for each of their keys, under the actor's name.
    limits: Sequence[LimitRow] = ()

    def claimable(self) -> tuple[list[str], int]:
        """The actors whose jobs may begin now, and how many jobs of `threaded` may."""
        threads = self.thread_room() if self.threaded else 0
        if self.threaded and threads <= 0:
            return [name for name in self.actors if name not in self.threaded], 0
        return self.actors, threads


class Rounds:
    """The rounds from which on claims look at each lane, by priority.

    Jobs that were claimed while an older transaction is open stay in the index, and a claim from the first round would
    walk over all of them. A job that comes back keeps its round, so a claim begins with the first round now and then,
    and after `doubt`.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._since: dict[str, list[int]] = {}
        self._whole: dict[str, Pace] = {}
        self._now = now

    def doubt(self, lane: str | None = None) -> None:
        """Jobs may wait in earlier rounds, of one lane or of all."""
        for name in list(self._since) if lane is None else [lane]:
            self._since.pop(name, None)

    def since(self, lane: str) -> list[int] | None:
        """The rounds with which the next claim begins, by priority; None for the first round."""
        return None if self._pace(lane).is_due() else self._since.get(lane)

    def learn(self, lane: str, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Learn from a claim's rows; the result says whether any was of an earlier round than expected, or of none."""
        known = self._since.get(lane)
        since = list(known or [0] * PRIORITIES)
        for priority in {row["priority"] for row in rows}:
            turn = min(row["turn"] or 0 for row in rows if row["priority"] == priority)
            since[priority] = max(0, turn - LATE)
        if rows:
            self._since[lane] = since
        return any(row["turn"] is None or row["turn"] < (known or since)[row["priority"]] for row in rows)

    def whole(self, lane: str, seconds: float) -> None:
        """Note the duration of a claim that began with the first round."""
        self._pace(lane).took(seconds)

    def _pace(self, lane: str) -> Pace:
        if lane not in self._whole:
            self._whole[lane] = Pace(SHARE, least=WHOLE_SECONDS, now=self._now)
        return self._whole[lane]


class HeldLease(Protocol):
    """The lease under which this worker claims."""

    id: UUID

    def is_held(self) -> bool: ...


class Claimer:
    """Claims jobs from lanes whenever there are jobs and room, and hands each to `start`.

    `known` returns the jobs that run or end here. Any other job that this worker holds was claimed by a statement whose
    answer was lost; it starts when it is found.
    """

    def __init__(
        self,
        link: Link,
        lease: HeldLease,
        served: Sequence[ServedLane],
        start: Callable[[Mapping[str, Any]], None],
        known: Callable[[], Collection[UUID]],
        *,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._link = link
        self._enqueuer = Enqueuer(link)
        self._lease = lease
        self._served = {each.lane.name: each for each in served}
        self._start = start
        self._known = known
        self._searching = Pace(SHARE, least=SEARCH_SECONDS)
        self._poll_seconds = poll_seconds
        self._ready: dict[str, None] = {}
        self._starved: set[str] = set()
        #: The lanes with room, but without a thread for some of their jobs.
        self._threadless: set[str] = set()
        self._backlogged = 0
        self._after: dict[str, str] = {}
        #: The limited lanes whose first keys are worth another look once the last ones have had theirs.
        self._again: set[str] = set()
        self._rounds = Rounds()
        self._awake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def lane_names(self) -> list[str]:
        """The lanes that it claims from."""
        return list(self._served)

    def start(self) -> None:
        """Begin to claim."""
        self._task = asyncio.create_task(unforeseen("claiming")(self._claim_forever))

    async def stop(self) -> None:
        """Claim no more; a running claim ends first, so that the worker holds no job without knowing."""
        if self._task is not None:
            self._stopping = True
            self._awake.set()
            await self._task

    def wake(self, lane: str | None = None, *, came_back: bool = False) -> None:
        """There may be jobs, in one lane or in any. `came_back`: some may have waited before, in older rounds."""
        if came_back:
            self._rounds.doubt(lane)
        woken = self._served if lane is None else self._served.keys() & {lane}
        self._ready.update(dict.fromkeys(woken))
        self._again.update(woken)
        self._awake.set()

    def room(self) -> None:
        """There is room again."""
        if self._threadless:
            free = {name for name in self._threadless if self._served[name].thread_room() > 0}
            self._threadless -= free
            self._starved |= free
        if self._starved:
            self._ready.update(dict.fromkeys(self._starved))
            self._starved.clear()
            self._awake.set()

    async def _claim_forever(self) -> None:
        self.wake()
        async for attempt in forever():
            with attempt:
                while not self._stopping:
                    await self._next()

    async def _next(self) -> None:
        if not self._ready:
            self._awake.clear()
            poll = asyncio.get_running_loop().call_later(self._poll_seconds, self.wake)
            try:
                await self._awake.wait()
            finally:
                poll.cancel()
        if self._searching.is_due():
            await self._search()
        while self._ready and not self._stopping:
            name = next(iter(self._ready))
            del self._ready[name]
            try:
                await self._claim(self._served[name])
            except BaseException:
                self._ready[name] = None
                self._searching.hurry()
                raise

    async def _claim(self, served: ServedLane) -> None:
        batch = min(served.room(), BATCH)
        if batch <= 0:
            self._starved.add(served.lane.name)
            return
        if not self._lease.is_held():
            return
        await (self._claim_limited if served.lane.is_limited else self._claim_free)(served, batch)

    async def _claim_free(self, served: ServedLane, batch: int) -> None:
        batch -= await self._take_aged(TRANSITIONS.claim_aged, served, batch)
        if batch > 0 and await self._take_first(served, batch) == batch:
            self._backlogged += 1
            self._ready[served.lane.name] = None

    async def _take_aged(self, query: Query, served: ServedLane, batch: int, **more: Any) -> int:
        """Now and then during a backlog, take aged jobs of lower priorities; the result is their number."""
        if self._backlogged < AGED_EVERY:
            return 0
        self._backlogged = 0
        return await self._take(query, served, max(1, batch // AGED_EVERY), **more)

    async def _take_first(self, served: ServedLane, batch: int) -> int:
        name = served.lane.name
        since = self._rounds.since(name)
        if since is not None:
            return await self._take(TRANSITIONS.claim_since, served, batch, since=since)
        began = time.monotonic()
        taken = await self._take(TRANSITIONS.claim, served, batch)
        self._rounds.whole(name, time.monotonic() - began)
        return taken

    async def _claim_limited(self, served: ServedLane, batch: int) -> None:
        name = served.lane.name
        if not (after := self._after.pop(name, "")):
            self._again.discard(name)
        [seen] = await self._link.fetch(SQL.limited_keys, lane=name, after=after)
        if seen["missing"]:
            await self._enqueuer.restore(name, seen["missing"], served.limits)
        keys = list({*seen["keys"], *seen["first_keys"]})
        aged = await self._take_aged(TRANSITIONS.claim_limited_aged, served, batch, keys=keys)
        first = 0
        if batch > aged:
            first = await self._take(TRANSITIONS.claim_limited, served, batch - aged, keys=keys)
            self._backlogged += first == batch - aged
        if aged or first:
            self._again.add(name)
        if len(seen["keys"]) == KEYS:
            # The next claim goes on with the keys behind these, so that every key gets its turn.
            self._after[name] = seen["keys"][-1]
        if name in self._after or name in self._again:
            self._ready[name] = None

    async def _take(self, query: Query, served: ServedLane, batch: int, **more: Any) -> int:
        worker, name = self._lease.id, served.lane.name
        actors, threads = served.claimable()
        rows = await self._link.fetch(
            query,
            lane=name,
            queue=served.lane.queue,
            actors=actors,
            threaded=served.threaded,
            threads=threads,
            worker=worker,
            batch=batch,
            **more,
        )
        self._begin(rows, worker)
        if served.threaded:
            self._note_threads(served, threads, sum(row["actor"] in served.threaded for row in rows))
        if self._rounds.learn(name, rows) and len(rows) == batch:
            # There may be more jobs in older rounds.
            self._rounds.doubt(name)
        return len(rows)

    def _note_threads(self, served: ServedLane, threads: int, taken: int) -> None:
        if taken < threads:
            return
        self._threadless.add(served.lane.name)
        if taken:
            # Jobs that need no thread may wait behind.
            self._ready[served.lane.name] = None

    async def _search(self) -> None:
        if not self._lease.is_held():
            return
        # No claim runs now, so `known` has every job that was claimed here before this statement.
        began, worker, known = time.monotonic(), self._lease.id, self._known()
        rows = await self._link.fetch(TRANSITIONS.unknown, worker=worker, known=list(known), batch=BATCH)
        for row in rows:
            log.warning("job found that was claimed unknowingly", job=str(row["message_id"]))
        self._begin(rows, worker)
        self._searching.took(time.monotonic() - began)

    def _begin(self, rows: Sequence[Mapping[str, Any]], worker: UUID) -> None:
        # A process that was frozen meanwhile starts nothing: other workers have the jobs now, or a search finds them.
        if self._lease.is_held() and self._lease.id == worker:
            for row in sorted(rows, key=lambda row: (row["priority"], row["turn"] or 0, row["created_at"])):
                self._start(row)


class Promoter:
    """Makes postponed jobs claimable when their time comes: they wait in the table, never in memory."""

    #: The longest pause in seconds, which makes up for lost notifications of postponed jobs.
    LONGEST_PAUSE = 5.0

    def __init__(self, link: Link) -> None:
        self._link = link
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to promote."""
        self._task = asyncio.create_task(unforeseen("promoting")(self._promote_forever))

    async def stop(self) -> None:
        """Promote no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """A job was postponed, perhaps to an earlier time than the next known one."""
        self._awake.set()

    async def _promote_forever(self) -> None:
        while True:
            pause = self.LONGEST_PAUSE
            async for attempt in forever():
                with attempt:
                    pause = await self.promote()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), pause)
            self._awake.clear()

    async def promote(self) -> float:
        """Promote due jobs; the result is the seconds until the next look."""
        [row] = await self._link.fetch(SQL.promote)
        if row["promoted"]:
            return 0
        return min(row["next_in"] if row["next_in"] is not None else self.LONGEST_PAUSE, self.LONGEST_PAUSE)
