"""What a request's path names: a job, if its caller may see it, or a queue or an actor."""

from datetime import UTC, datetime
from uuid import UUID

from starlette.requests import Request

from sooner.jobs.problem import Gone, NotFound
from sooner.jobs.row import Job
from sooner.jobs.tenants.keys import Caller
from sooner.queue.ids import made_at
from sooner.web.shard import Shard


def job_id(request: Request) -> UUID:
    """The id in the path. Raises NotFound for a text that is no UUID."""
    try:
        return UUID(request.path_params["id"])
    except ValueError:
        raise NotFound("There is no such job.") from None


def name(request: Request) -> str:
    """The name in the path. Raises NotFound for a text that no column holds."""
    text: str = request.path_params["name"]
    if "\0" in text:
        raise NotFound("A NUL character is in no name.")
    return text


async def visible(shard: Shard, id: UUID, who: Caller | None) -> Job:
    """A job that the caller may see; `who` is None for the holder of its signed address.

    Raises NotFound, and Gone for an expired one. Another tenant's job is answered as an unknown id is.
    """
    job = await shard.follower.job(id)
    if job is not None and (who is None or who.may_see(job.tenant)):
        return job
    horizon = datetime.now(UTC) - shard.retention
    made = made_at(id)
    if (made is not None and made < horizon) or await shard.is_gone(id, who):
        raise Gone("The job has expired and its result is no longer kept.")
    raise NotFound("There is no such job.")
