"""Estimates of when jobs end, from their actors' last runs and the backlog before them."""

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

#: With fewer runs than this a forecast does not cut a wait short.
ENOUGH_RUNS = 20
#: Looking takes at most this share of the time: counting a long backlog must not slow it down.
LOOKING_SHARE = 0.02
LONGEST_PAUSE = 3.0
#: The pace of an actor without known runs, or without workers.
UNKNOWN_PACE = 5.0
#: The longest Retry-After of a job that runs or is overdue, in seconds.
LONGEST_RETRY = 60
#: A longer estimate says nothing: the job has hardly made any progress yet.
LONGEST_ESTIMATE = 366 * 86400


class Outlook(NamedTuple):
    """The likely end of a job, None where nothing is known, and the whole seconds of its Retry-After.

    A job that has ended has neither.
    """

    finishes_at: datetime | None
    retry_after: int | None


ENDED = Outlook(None, None)


@lru_cache(maxsize=2 * LONGEST_RETRY)
def _unknown(retry_after: int) -> Outlook:
    """An outlook without an end; cached, for most new jobs get the same few."""
    return Outlook(None, retry_after)


class Forecast:
    """Estimates from figures in memory: no request reads the database for them."""

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
        """Look at the database again, if it is time. Raises Unavailable."""
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
        # Set without an await between: no estimate mixes two looks.
        self._offset = offset
        self._known = {row["actor"]: Durations(row["durations"]) for row in known if row["actor"] is not None}
        self._capacity = {row["lane"]: row["places"] or 0 for row in places}
        self._backlogs = {(row["lane"], row["priority"]): LaneBacklog.read(row) for row in backlogs}
        self._depths = Counter()
        for (lane, _), backlog in self._backlogs.items():
            self._depths[self._lanes[lane].queue] += backlog.length

    # Telling

    def depth(self, queue: str) -> int:
        """The due jobs of a queue, counted up to one more than MAX_QUEUE_DEPTH."""
        return self._depths[queue]

    def typical(self, actor: str) -> tuple[float | None, float | None]:
        """The median and the 95th percentile of an actor's runs, in seconds."""
        known = self._known.get(actor)
        return (None, None) if known is None else (known.quantile(0.5), known.quantile(0.95))

    def outlook(self, job: Job) -> Outlook:
        """The outlook of a job."""
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
        """The seconds left of a run: by its own progress, or by earlier runs where it has made none."""
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
            # A running job may speed up: its estimate is checked at least once a minute.
            return min(LONGEST_RETRY, left) if job.state is State.PROCESSING else left
        since = job.started_at or job.run_at or job.created_at
        elapsed = (now - since).total_seconds()
        if elapsed < 0:
            return math.ceil(-elapsed)
        # A job that has lasted long lasts longer: the older it is, the less often it is asked for.
        return 1 if elapsed <= 2 else min(LONGEST_RETRY, math.ceil(elapsed / 2))

    def cannot_end_within(self, job: Job, seconds: float) -> bool:
        """Whether a new job cannot end within `seconds`, even if everything goes as fast as it ever did.

        It counts the fastest tenth of the actor's runs, behind the more urgent jobs and the tenant's own, each as fast.
        This lower bound cuts no wait short that might have succeeded.
        """
        known = self._known.get(job.actor)
        if known is None or len(known) < ENOUGH_RUNS:
            return False
        places = self._capacity.get(self._lane_of(job), 0)
        age = time.monotonic() - self._looked_at
        ahead = max(0.0, self._least_work_ahead(job) / places - age) if places else 0.0
        return ahead + (known.quantile(0.1) or 0) > seconds

    def _places_for(self, job: Job) -> int:
        """The number of the actor's jobs that may run at once; 0 without workers."""
        actor = self._actors.get(job.actor)
        if actor is None:
            return 0
        limit, places = actor.declaration.concurrency, self._capacity.get(actor.lane.name, 0)
        return places if limit is None else min(places, limit.most)

    def pace(self, actor: JobActor) -> float:
        """The approximate seconds until there is room for one more job of an actor, from a second to a minute."""
        known, places = self._known.get(actor.actor_name), self._capacity.get(actor.lane.name, 0)
        median = None if known is None else known.quantile(0.5)
        return min(LONGEST_RETRY, max(1.0, UNKNOWN_PACE if median is None or not places else median / places))

    def _least_work_ahead(self, job: Job) -> float:
        total = 0.0
        for priority, backlog in self._before(job):
            jobs = backlog.rounds_before(job.turn) if priority == job.priority else backlog.length
            total += jobs * backlog.seconds_per_job(self._known, 0.1)
        return total

    def _work_ahead(self, job: Job, share: float) -> float:
        total = 0.0
        for priority, backlog in self._before(job):
            jobs = backlog.jobs_before(job.turn) if priority == job.priority else backlog.length
            total += jobs * backlog.seconds_per_job(self._known, share)
        return total

    def _before(self, job: Job) -> list[tuple[int, LaneBacklog]]:
        lane = self._lane_of(job)
        found = ((priority, self._backlogs.get((lane, priority))) for priority in range(job.priority + 1))
        return [(priority, backlog) for priority, backlog in found if backlog is not None]

    def _lane_of(self, job: Job) -> str:
        actor = self._actors.get(job.actor)
        return job.queue if actor is None else actor.lane.name

    def _now(self) -> datetime:
        """The database's time, the only clock that counts."""
        return datetime.now(UTC) + self._offset
