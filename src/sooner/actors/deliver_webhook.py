from uuid import UUID

import tenacity
from pydantic import AwareDatetime
from typing_extensions import TypedDict

from sooner.jobs import job

#: Seconds between attempts, as Standard Webhooks proposes: 31 hours in all.
PAUSES = (5, 300, 1800, 7200, 18000, 36000, 50400)


WAIT = tenacity.wait_chain(
    *(tenacity.wait_fixed(pause) + tenacity.wait_random(0, pause / 10) for pause in PAUSES)
)


class Delivered(TypedDict):
    """`status` is null where the endpoint was removed."""

    status: int | None


@job(internal=True, queue="webhooks", retries=len(PAUSES), time_limit=60, wait=WAIT)
async def deliver_webhook(webhook: UUID, job: UUID, event: str, ended_at: AwareDatetime) -> Delivered:
    """Sends a job's end to an endpoint, signed as Standard Webhooks; failed deliveries are tried again for more than a day."""
    # It imports httpx, which web, where actors are only declared, does not need.
    from sooner.jobs.webhooks.delivery import deliver

    return {"status": await deliver(webhook, job, event, ended_at)}
