"""The parts of a web process: those that it has once, and those of each shard."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sooner.db import Unavailable
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.following.signed_urls import SignedUrls
from sooner.jobs.submitting.rate import RateLimit
from sooner.jobs.tenants.directory import CachedDirectory, Directory, Sole
from sooner.jobs.tenants.sessions import Sessions
from sooner.periodic import Schedule
from sooner.process.settings import WebSettings
from sooner.web import measuring
from sooner.web.residence import Residences
from sooner.web.shard import Shard

#: How long a process that starts waits for the first of its databases.
START_SECONDS = 30.0


class Resources:
    """The parts of a web process.

    `actors` can be asked for over HTTP; `every_actor` are all of the deployment's.
    """

    def __init__(
        self, settings: WebSettings, every_actor: Mapping[str, Any], schedules: Mapping[str, Schedule]
    ) -> None:
        self.settings = settings
        self.every_actor = {name: actor for name, actor in every_actor.items() if isinstance(actor, JobActor)}
        self.actors = offered(settings, self.every_actor)
        self.schedules = schedules
        self.rate_limit = RateLimit(settings.rate_limit_per_second)
        self.signed_urls = SignedUrls(settings.link_signing_key)
        self.sessions = Sessions(settings.link_signing_key)
        self.shards = {
            name: Shard(name, url, replica_url, settings, self.actors, self.every_actor)
            for name, (url, replica_url) in settings.addresses.items()
        }
        #: The shard whose database has the directory; the only one where there is one.
        self.home = self.shards[settings.home_shard or ""]
        self.several = settings.home_shard is not None
        self.directory = _directory(settings, self.home)
        self.residences = Residences(self.shards, self.home, self.directory)
        self._measuring: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. Waits for a database that is still starting; raises its error when it stays away.

        Of several databases the first that is there is enough: the others are used when they come.
        """
        self.directory.start()
        await asyncio.gather(*(shard.open() for shard in self.shards.values()))
        if all(shard.is_away for shard in self.shards.values()):
            await self._first()
        self._measuring = asyncio.create_task(measuring.forever(self.shards.values()))

    async def _first(self) -> None:
        coming = [asyncio.create_task(shard.there()) for shard in self.shards.values()]
        done, _ = await asyncio.wait(coming, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for each in coming:
            each.cancel()
        if not done:
            raise Unavailable("none of the databases answers")

    async def close(self) -> None:
        """Disconnect."""
        if self._measuring is not None:
            self._measuring.cancel()
        await self.directory.stop()
        for shard in self.shards.values():
            await shard.close()

    def release(self) -> None:
        """Let all requests that wait for a job answer now."""
        for shard in self.shards.values():
            shard.follower.release()


def _directory(settings: WebSettings, home: Shard) -> Directory:
    if settings.home_shard is None:
        return Sole(home.name)
    url = settings.database_urls[settings.home_shard]
    return CachedDirectory(url, listen=settings.listen, breaker=home.breaker)


def offered(settings: WebSettings, actors: Mapping[str, JobActor]) -> dict[str, JobActor]:
    """The actors that can be asked for over HTTP."""
    return {
        name: actor
        for name, actor in actors.items()
        if not actor.declaration.internal and (settings.diagnostics or not actor.declaration.diagnostic)
    }
