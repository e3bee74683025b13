from typing import TypedDict

from src.jobs import job, resources
from src.jobs.expire import Expiry


class Removed(TypedDict):
    keys: int


@job(internal=True, retries=3)
async def expire_credentials() -> Removed:
    """Removes API keys that have expired; answers how many."""
    return {"keys": await Expiry(resources.database()).keys()}
