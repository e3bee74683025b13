"""The leader: standing by, leading, handing over."""

import asyncio
import contextlib

from sooner.db import Unavailable
from sooner.db.retry import briefly, forever
from sooner.process import logs
from sooner.process.clock import Clock
from sooner.scheduler.agenda import Agenda
from sooner.scheduler.scheduler_lease import LeaseLost, SchedulerLease
from sooner.scheduler.ticks import Ticks

log = logs.get(__name__)

#: The longest time until a standby notices that the leader has released the lease.
STANDBY_SECONDS = 0.5
#: The shortest rest, which keeps the loop from asking the database without a pause.
SHORTEST_REST = 0.01


class Leader:
    """A scheduler, of which several may run: it waits for the lease, and fires ticks while it holds the lease."""

    def __init__(self, lease: SchedulerLease, ticks: Ticks, agenda: Agenda, now: Clock) -> None:
        self._lease = lease
        self._ticks = ticks
        self._agenda = agenda
        self._now = now
        self._is_ready = False
        self._stopping = asyncio.Event()
        self._insist = forever().copy(sleep=self._rest, stop=lambda _: self._stopping.is_set(), reraise=True)

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Fire no more, hand over, return from `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Stand by and lead in turns until `stop`; the database may come and go."""
        with contextlib.suppress(Unavailable):
            while not self._stopping.is_set():
                leads, seconds = await self._insist(self._lease.take)
                if leads:
                    await self._lead()
                else:
                    self._say_ready(leads=False)
                    await self._rest(min(seconds, STANDBY_SECONDS))

    async def _lead(self) -> None:
        try:
            # Unavailable ends only a stopping scheduler; otherwise `_insist` tries again.
            with contextlib.suppress(Unavailable):
                await self._fire_until_stopped()
            await self._hand_over()
        except LeaseLost:
            log.warning("lease lost: another scheduler leads", fence=self._lease.fence)

    async def _fire_until_stopped(self) -> None:
        await self._insist(self._ticks.register)
        self._say_ready(leads=True)
        log.info("leading", fence=self._lease.fence)
        while not self._stopping.is_set():
            await self._insist(self._turn)
            await self._rest(min(self._lease.beat_seconds, self._agenda.seconds_to_next(self._now())))

    async def _turn(self) -> None:
        await self._lease.beat()
        await self._ticks.fire_due(self._now(), lambda: not self.is_stopping)

    async def _hand_over(self) -> None:
        try:
            await briefly()(self._lease.release)
            log.info("lease released", fence=self._lease.fence)
        except Unavailable as error:
            log.warning("lease not released, it runs out by itself", error=str(error))

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), max(seconds, SHORTEST_REST))

    def _say_ready(self, *, leads: bool) -> None:
        if self._is_ready:
            return
        self._is_ready = True
        log.info("scheduler ready", leads=leads, timezone=self._agenda.zone.key)
        for schedule in self._agenda.schedules.values():
            log.info(
                "schedule",
                schedule=schedule.name,
                cron=str(schedule.cron),
                actor=schedule.actor,
                missed=schedule.missed,
                next_at=self._agenda.next_of(schedule.name, self._now()).isoformat(),
            )
