from uuid import UUID

from sooner.actors.deliver_webhook import Delivered
from sooner.jobs import job


@job(internal=True, queue="webhooks", time_limit=60, unique=True)
async def try_webhook(webhook: UUID) -> Delivered:
    """Sends a test event to an endpoint, once."""
    # It imports httpx, which web, where actors are only declared, does not need.
    from sooner.jobs.webhooks.delivery import deliver_test

    return {"status": await deliver_test(webhook)}
