"""A job as a request follows it: to another shard where its tenant is moved meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self
from uuid import UUID

from starlette.requests import Request

from sooner.db import Unavailable
from sooner.jobs.following.follower import Subscription
from sooner.jobs.output.outputs import Bookmark, Pieces
from sooner.jobs.problem import ServiceUnavailable
from sooner.jobs.row import Job
from sooner.web.auth import shard_of, shards_of
from sooner.web.holders import holder
from sooner.web.resources import Resources
from sooner.web.shard import Shard

#: A job that has left its shard is looked for so often, with so many seconds between: then it is gone.
LOOKS = 8
LOOK_SECONDS = 0.25


class Trail:
    """One request's interest in one job, inside a `with`. `shard` is where the job is now, `subscription` what wakes the request.

    `closely` and `reads_output` are as `JobFollower.subscribe` takes them.
    """

    __slots__ = ("_closely", "_id", "_is_mobile", "_reads_output", "_request", "shard", "subscription")

    def __init__(
        self, request: Request, id: UUID, *, closely: bool = False, reads_output: bool = False
    ) -> None:
        self._request = request
        self._id = id
        resources: Resources = request.app.state.resources
        #: Whether there is anywhere to move to.
        self._is_mobile = resources.several
        self._closely = closely
        self._reads_output = reads_output
        self.shard = shard_of(request)
        self.subscription = self._subscribed()

    def _subscribed(self) -> Subscription:
        return self.shard.follower.subscribe(self._id, closely=self._closely, reads_output=self._reads_output)

    def __enter__(self) -> Self:
        self.subscription.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.subscription.__exit__()

    @property
    def is_released(self) -> bool:
        """Whether the process is ending, so that no request should wait."""
        return self.shard.follower.is_released

    async def first(self) -> Job | None:
        """The job, once the database answers; None where the job is gone or the process is ending."""
        while not self.is_released:
            with contextlib.suppress(Unavailable):
                return await self.shard.follower.look(self.subscription) or await self._moved()
            await self.subscription.change()
        return None

    async def change(self) -> Job | None:
        """The job after its next change since the last call, wherever it is by then; None where it is gone."""
        await self.subscription.change()
        return await self.found()

    async def found(self) -> Job | None:
        """The job as it was last seen, or as it is where it has moved to; None where it is gone."""
        return await self._moved() if self.subscription.is_gone else self.subscription.job

    async def final(self, seconds: float) -> Job | None:
        """The job once it is final; None after `seconds`, or where it is gone or the process is ending."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        job = await self.shard.follower.final(self.subscription, seconds)
        # Where the job has moved to may be away, too.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while (
                    job is None and self.subscription.is_gone and (moved := await self._moved()) is not None
                ):
                    left = until - loop.time()
                    job = (
                        moved
                        if moved.state.is_final
                        else await self.shard.follower.final(self.subscription, left)
                    )
        return job

    async def seen(self, until: float) -> Job | None:
        """The job as it is now, wherever that is; None where it is gone, or is not found until this moment of the loop's time.

        Raises Unavailable.
        """
        job = await self.shard.follower.look(self.subscription)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                return job or await self.found()
        return None

    def pages(self, place: Bookmark) -> AsyncGenerator[Pieces]:
        """All the pages of output that there are. Raises Unavailable, also where the job has left: it has not begun anew."""
        place.turn_to(self.shard.outputs)
        return self._checked(place) if self._is_mobile else place.pages()

    async def _checked(self, place: Bookmark) -> AsyncGenerator[Pieces]:
        after = place.after
        async for page in place.pages():
            if page.is_reset:
                place.after, last = after, place.after
                await self.check()
                place.after = last
            after = place.after
            yield page
        if self.subscription.job is not None and self.subscription.job.state.is_final:
            await self.check()

    async def check(self) -> None:
        """Raises Unavailable where the job has left its shard: what was read there may lack something."""
        if self._is_mobile and await self.shard.follower.look(self.subscription) is None:
            self.subscription.wake()
            raise Unavailable("the job has left the shard")

    async def _moved(self) -> Job | None:
        """The job at the shard where its tenant is now, which is followed from now on; None where it is nowhere."""
        if not self._is_mobile:
            return None
        looks = 0
        while looks < LOOKS and not self.is_released:
            try:
                if (job := await self._at(await self._holder())) is not None:
                    return job
                looks += 1
            except (Unavailable, ServiceUnavailable):
                # Who does not answer may have the job.
                pass
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def _holder(self) -> Shard | None:
        state = self._request.scope["state"]
        resources: Resources = self._request.app.state.resources
        state["residence"] = await resources.residences.anew(state["residence"])
        return await holder(shards_of(self._request, state["who"]), self._id)

    async def _at(self, shard: Shard | None) -> Job | None:
        """The job there, followed there."""
        if shard is None:
            return None
        self.subscription.__exit__()
        self.shard = self._request.scope["state"]["shard"] = shard
        self.subscription = self._subscribed()
        self.subscription.__enter__()
        return await shard.follower.look(self.subscription)
