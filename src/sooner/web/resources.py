"""The parts of a web process: those that it has once, and those of each shard."""

from collections.abc import Mapping
from typing import Any

from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.following.signed_urls import SignedUrls
from sooner.jobs.submitting.rate import RateLimit
from sooner.jobs.tenants.sessions import Sessions
from sooner.periodic import Schedule
from sooner.process.settings import WebSettings
from sooner.web.shard import Shard


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
            name: Shard(name, url, replica_url, settings, self.actors, self.every_actor, self.signed_urls)
            for name, (url, replica_url) in settings.addresses.items()
        }

    @property
    def home(self) -> Shard:
        """The shard whose database has the directory; the only one where there is one."""
        return self.shards[self.settings.home_shard or ""]

    async def open(self) -> None:
        """Connect. Waits for a database that is still starting; raises its error when it stays away."""
        for shard in self.shards.values():
            await shard.open()

    async def close(self) -> None:
        """Disconnect."""
        for shard in self.shards.values():
            await shard.close()

    def release(self) -> None:
        """Let all requests that wait for a job answer now."""
        for shard in self.shards.values():
            shard.follower.release()


def offered(settings: WebSettings, actors: Mapping[str, JobActor]) -> dict[str, JobActor]:
    """The actors that can be asked for over HTTP."""
    return {
        name: actor
        for name, actor in actors.items()
        if not actor.declaration.internal and (settings.diagnostics or not actor.declaration.diagnostic)
    }
