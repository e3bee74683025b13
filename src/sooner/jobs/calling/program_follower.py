"""Following jobs from a program, over connections that open when a caller first waits."""

from collections.abc import AsyncIterator
from contextvars import Context
from uuid import UUID

from sooner.db import Link, Listener
from sooner.db.retry import briefly
from sooner.jobs.following.follower import POLL_SECONDS, POLL_SECONDS_WITHOUT_LISTEN, JobFollower
from sooner.jobs.problem import WrongState
from sooner.jobs.row import Job
from sooner.jobs.states import PUBLIC, State
from sooner.queue.transitions import TRANSITIONS


class ProgramFollower:
    """The follower that a program's handles share, on one event loop."""

    def __init__(self, url: str, *, listen: bool, retention: float) -> None:
        self._link = Link(url, "follow", direct=listen)
        self._retention = retention
        self._follower = JobFollower(
            self._link, poll_seconds=POLL_SECONDS if listen else POLL_SECONDS_WITHOUT_LISTEN
        )
        channels = {"sooner.changed": self._follower.notified}
        self._listener = Listener(url, "follow", channels, self._follower.resync) if listen else None
        self._has_started = False

    def _start(self) -> JobFollower:
        if not self._has_started:
            self._has_started = True
            # These tasks outlive the job whose code waits first, so they must not belong to it.
            nobodys = Context()
            nobodys.run(self._follower.start)
            if self._listener is not None:
                nobodys.run(self._listener.start)
        return self._follower

    async def close(self) -> None:
        """Stop, and close the connections."""
        if self._has_started:
            await self._follower.stop()
            if self._listener is not None:
                await self._listener.stop()
        await self._link.close()

    async def job(self, id: UUID) -> Job:
        """The job as it is now. Raises LookupError, Unavailable."""
        return _there(await briefly()(self._follower.job, id), id)

    async def final(self, id: UUID) -> Job:
        """The job once it is final. Raises LookupError, Unavailable."""
        async for job in self.changes(id, closely=False):
            if job.state.is_final:
                return job
        raise _no_such_job(id)

    async def changes(self, id: UUID, *, closely: bool = True) -> AsyncIterator[Job]:
        """The job now and at each change, until it is final. Raises LookupError, Unavailable."""
        follower = self._start()
        with follower.subscribe(id, closely=closely) as subscription:
            job = _there(await briefly()(follower.look, subscription), id)
            yield job
            while not job.state.is_final:
                await subscription.change()
                if subscription.is_gone or subscription.job is None:
                    raise _no_such_job(id)
                if subscription.job.version > job.version:
                    job = subscription.job
                    yield job

    async def cancel(self, id: UUID) -> State:
        """Cancel a job, or ask for its end; the result is the state now. Raises WrongState for a final job, LookupError, Unavailable."""
        rows = await self._link.fetch(TRANSITIONS.cancel, id=id, retention=self._retention)
        if rows:
            return PUBLIC[rows[0]["state"]]
        await self.job(id)
        raise WrongState("The job is final: there is nothing left to cancel.")


def _there(job: Job | None, id: UUID) -> Job:
    if job is None:
        raise _no_such_job(id)
    return job


def _no_such_job(id: UUID) -> LookupError:
    return LookupError(
        f"there is no job {id}: it has expired, or the transaction that submits it has not committed"
    )
