from typing_extensions import TypedDict

from sooner.jobs import job, worker_resources
from sooner.jobs.retention.expire import Expiry


class JobsRemoved(TypedDict):
    jobs: int
    uploads: int
    files: int
    ticks: int
    limits: int


@job(internal=True, retries=3)
async def remove_expired_jobs() -> JobsRemoved:
    """Removes expired jobs, files and uploads, ticks of more than 30 days ago and idle limits; the result is the number of each."""
    expiry = Expiry(worker_resources.database(), worker_resources.stores())
    removed: JobsRemoved = {
        "jobs": await expiry.jobs(),
        "uploads": await expiry.uploads(),
        "files": await expiry.files(),
        "ticks": await expiry.ticks(),
        "limits": await expiry.limits(),
    }
    # Last, as a store may be away.
    await expiry.blobs()
    return removed
