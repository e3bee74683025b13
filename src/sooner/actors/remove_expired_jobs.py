from typing_extensions import TypedDict

from sooner.jobs import job, worker_resources
from sooner.jobs.retention.expire import Expiry


class JobsRemoved(TypedDict):
    jobs: int
    uploads: int
    files: int
    ticks: int


@job(internal=True, retries=3)
async def remove_expired_jobs() -> JobsRemoved:
    """Removes expired jobs, files and uploads, and ticks of more than 30 days ago; the result is the number of each."""
    expiry = Expiry(worker_resources.database(), worker_resources.stores())
    removed: JobsRemoved = {
        "jobs": await expiry.jobs(),
        "uploads": await expiry.uploads(),
        "files": await expiry.files(),
        "ticks": await expiry.ticks(),
    }
    # Last, as a store may be away.
    await expiry.blobs()
    return removed
