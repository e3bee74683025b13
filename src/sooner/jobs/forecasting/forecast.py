"""When jobs will end, as far as can be told: from their actors' last runs and the backlog before them."""

import math
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from sooner.db import Database
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.forecasting.duration_log import SQL
from sooner.jobs.forecasting.durations import Durations
from sooner.jobs.forecasting.lane_backlog import LaneBacklog
from sooner.jobs.row import Job
from sooner.jobs.states import State
from sooner.process.clock.pace import Pace

#: Fewer runs than this are no reason to answer before the wait is over.
ENOUGH_RUNS = 20
#: Looking takes at most this share of the time, so that a long backlog does not slow itself down by being counted.
LOOKING_SHARE = 0.02
LONGEST_PAUSE = 3.0
#: Where nothing is known of an actor, or no worker is there.
UNKNOWN_PACE = 5.0
#: How long a job that runs, or is overdue, is given at most before it is asked for again.
LONGEST_RETRY = 60
#: What would take longer, by the progress it has made, has hardly begun: that says nothing yet.
LONGEST_ESTIMATE = 366 * 86400


class Outlook(NamedTuple):
    """When a job will likely end, None where nothing is known; and whole seconds after which to ask for it again.

    Neither is there for a job that has ended.
    """

    finishes_at: datetime | None
    retry_after: int | None


ENDED = Outlook(None, None)


@lru_cache(maxsize=2 * LONGEST_RETRY)
def _unknown(retry_after: int) -> Outlook:
    """The outlook of most jobs that were just added: the same few again and again."""
    return Outlook(None, retry_after)


class Forecast:
    """Keeps in memory what estimates are made of. Nothing is read while a request is answered."""

    def __init__(self, database: Database, actors: Mapping[str, JobActor], *, most: int) -> None:
        self._database = database
        self._lanes = {actor.lane.name: actor.lane for actor in actors.values()}
        self._actors = actors
        self._most = most
        self._known: dict[str, Durations] = {}
        self._backlogs: dict[tuple[str, int], LaneBacklog] = {}
        self._depths: Counter[str] = Counter()
        self._capacity: dict[str, int] = {}
        self._offset = timedelta(0)
        self._looked_at = -math.inf
        self._pace = Pace(LOOKING_SHARE, most=LONGEST_PAUSE)

    # Looking

    async def refresh(self) -> None:
        """Look again, if it is time. Raises Unavailable."""
        if not self._pace.is_due():
            return
        began = time.monotonic()
        await self._look()
        self._looked_at = began
        self._pace.took(time.monotonic() - began)

    async def _look(self) -> None:
        lanes = list(self._lanes)
        known = await self._database.rows(SQL.known)
        offset = known[0]["now"] - datetime.now(UTC)
        places = await self._database.rows(
            SQL.capacity,
            lanes=lanes,
            queues=[lane.queue for lane in self._lanes.values()],
            threaded=[lane.is_threaded for lane in self._lanes.values()],
        )
        backlogs = await self._database.rows(SQL.backlogs, lanes=lanes, most=self._most + 1)
        # All at once: whoever asks meanwhile gets the last look's answer, none made of half a look.
        self._offset = offset
        self._known = {row["actor"]: Durations(row["durations"]) for row in known if row["actor"] is not None}
        self._capacity = {row["lane"]: row["places"] or 0 for row in places}
        self._backlogs = {(row["lane"], row["priority"]): LaneBacklog.read(row) for row in backlogs}
        self._depths = Counter()
        for (lane, _), backlog in self._backlogs.items():
            self._depths[self._lanes[lane].queue] += backlog.length

    # Telling

    def depth(self, queue: str) -> int:
        """How many due jobs wait in a queue, counted up to one more than the most that may."""
        return self._depths[queue]

    def typical(self, actor: str) -> tuple[float | None, float | None]:
        """How long the runs of an actor take, in seconds: the median, and what 95 of 100 do not exceed."""
        known = self._known.get(actor)
        return (None, None) if known is None else (known.quantile(0.5), known.quantile(0.95))

    def outlook(self, job: Job) -> Outlook:
        """What can be said of a job's end."""
        if job.state.is_final:
            return ENDED
        now = self._now()
        finishes_at = self._finishes_at(job, now)
        retry_after = self._retry_after(job, finishes_at, now)
        return _unknown(retry_after) if finishes_at is None else Outlook(finishes_at, retry_after)

    def _finishes_at(self, job: Job, now: datetime) -> datetime | None:
        known = self._known.get(job.actor)
        if job.state is State.PROCESSING and job.started_at is not None:
            left = self._left(job, known, max(0.0, (now - job.started_at).total_seconds()))
        else:
            left = None if known is None else self._until_end_of_waiting(job, known, now)
        return None if left is None else now + timedelta(seconds=left)

    @staticmethod
    def _left(job: Job, known: Durations | None, elapsed: float) -> float | None:
        """How much longer a run takes: by its own progress once there is any, else by earlier runs."""
        fraction = job.fraction
        if fraction is not None and elapsed / LONGEST_ESTIMATE < fraction:
            return elapsed / fraction - elapsed
        return None if known is None else known.left(elapsed)

    def _until_end_of_waiting(self, job: Job, known: Durations, now: datetime) -> float | None:
        places, median = self._places_for(job), known.quantile(0.5)
        if not places or median is None:
            return None
        due_in = 0.0 if job.run_at is None else max(0.0, (job.run_at - now).total_seconds())
        return due_in + self._work_ahead(job, 0.5) / places + median

    @staticmethod
    def _retry_after(job: Job, finishes_at: datetime | None, now: datetime) -> int:
        if finishes_at is not None:
            left = max(1, math.ceil((finishes_at - now).total_seconds()))
            # What runs may come on faster than it did so far.
            return min(LONGEST_RETRY, left) if job.state is State.PROCESSING else left
        since = job.started_at or job.run_at or job.created_at
        elapsed = (now - since).total_seconds()
        if elapsed < 0:
            return math.ceil(-elapsed)
        # What has lasted long lasts longer: ask the less often the longer it has.
        return 1 if elapsed <= 2 else min(LONGEST_RETRY, math.ceil(elapsed / 2))

    def cannot_end_within(self, job: Job, seconds: float) -> bool:
        """Whether a job just submitted would not be waited for with success even if all went as fast as it ever does.

        The fastest tenth of its actor's runs, after its own tenant's jobs and more urgent ones as fast: a lower
        bound, so that no job that might have ended within the wait is put off.
        """
        known = self._known.get(job.actor)
        if known is None or len(known) < ENOUGH_RUNS:
            return False
        places = self._capacity.get(self._lane_of(job), 0)
        age = time.monotonic() - self._looked_at
        ahead = max(0.0, self._least_work_ahead(job) / places - age) if places else 0.0
        return ahead + (known.quantile(0.1) or 0) > seconds

    def _places_for(self, job: Job) -> int:
        """How many of its kind may run at once; 0 where no worker is there."""
        actor = self._actors.get(job.actor)
        if actor is None:
            return 0
        limit, places = actor.declaration.concurrency, self._capacity.get(actor.lane.name, 0)
        return places if limit is None else min(places, limit.most)

    def pace(self, actor: JobActor) -> float:
        """About how many seconds pass until one more job of an actor may come; between a second and a minute."""
        known, places = self._known.get(actor.actor_name), self._capacity.get(actor.lane.name, 0)
        median = None if known is None else known.quantile(0.5)
        return min(LONGEST_RETRY, max(1.0, UNKNOWN_PACE if median is None or not places else median / places))

    def _least_work_ahead(self, job: Job) -> float:
        total = 0.0
        for priority, backlog in self._before(job):
            jobs = backlog.rounds(job.turn) if priority == job.priority else backlog.length
            total += jobs * backlog.service(self._known, 0.1)
        return total

    def _work_ahead(self, job: Job, share: float) -> float:
        total = 0.0
        for priority, backlog in self._before(job):
            jobs = backlog.ahead(job.turn) if priority == job.priority else backlog.length
            total += jobs * backlog.service(self._known, share)
        return total

    def _before(self, job: Job) -> list[tuple[int, LaneBacklog]]:
        lane = self._lane_of(job)
        found = ((priority, self._backlogs.get((lane, priority))) for priority in range(job.priority + 1))
        return [(priority, backlog) for priority, backlog in found if backlog is not None]

    def _lane_of(self, job: Job) -> str:
        actor = self._actors.get(job.actor)
        return job.queue if actor is None else actor.lane.name

    def _now(self) -> datetime:
        """The database's time: it has the only clock."""
        return datetime.now(UTC) + self._offset
