from typing_extensions import TypedDict

from sooner.jobs import job, worker_resources
from sooner.jobs.retention.expire import Expiry


class CredentialsRemoved(TypedDict):
    keys: int
    tokens: int


@job(internal=True, retries=3)
async def expire_credentials() -> CredentialsRemoved:
    """Removes expired API keys and tokens; the result is the number of each."""
    expiry = Expiry(worker_resources.database())
    return {"keys": await expiry.keys(), "tokens": await expiry.tokens()}
