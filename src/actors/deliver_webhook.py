from datetime import UTC, datetime
from uuid import UUID

import httpx
import tenacity
from pydantic import AwareDatetime
from standardwebhooks import Webhook
from typing_extensions import TypedDict

from src import outgoing
from src.jobs import current, job, resources
from src.jobs.failure import Failure
from src.jobs.notice import notice
from src.jobs.row import Job
from src.jobs.watch import SQL as READ
from src.jobs.webhooks import Endpoint, Webhooks

#: Seconds between attempts, as Standard Webhooks proposes: 31 hours in all.
PAUSES = (5, 300, 1800, 7200, 18000, 36000, 50400)


class Delivered(TypedDict):
    """`status` is null where there is no such endpoint any more."""

    status: int | None


@job(
    internal=True,
    queue="webhooks",
    retries=len(PAUSES),
    wait=tenacity.wait_chain(
        *(tenacity.wait_fixed(pause) + tenacity.wait_random(0, pause / 10) for pause in PAUSES)
    ),
)
async def deliver_webhook(webhook: UUID, job: UUID, event: str, ended_at: AwareDatetime) -> Delivered:
    """Tells an endpoint of a job's end, signed as Standard Webhooks; tried again for more than a day."""
    webhooks = Webhooks(resources.database())
    endpoint = await webhooks.find(webhook)
    if endpoint is None:
        return {"status": None}
    rows = await resources.database().rows(READ.jobs, ids=[job])
    status = await _send(endpoint, notice(event, ended_at, job, Job.read(rows[0]) if rows else None))
    if status == httpx.codes.GONE:
        await webhooks.disable(webhook)
    elif not 200 <= status < 300:
        raise Failure(f"It answered {status}.", type="webhook-refused", title="The endpoint did not take it")
    return {"status": status}


async def _send(endpoint: Endpoint, body: bytes) -> int:
    try:
        private = resources.private_network()
        return await outgoing.post(endpoint.url, _headers(endpoint, body), body, private=private)
    except outgoing.Refused as refusal:
        title = "The endpoint's address is refused"
        raise Failure(str(refusal), type="webhook-address-refused", title=title, again=False) from None
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        detail = str(error) or type(error).__name__
        raise Failure(detail, type="webhook-unreachable", title="The endpoint cannot be reached") from None


def _headers(endpoint: Endpoint, body: bytes) -> dict[str, str]:
    """The id is the delivery's, the same in every attempt: receivers know a repetition by it."""
    id, now = f"msg_{current().id.hex}", datetime.now(UTC)
    return {
        "content-type": "application/json",
        "user-agent": "Sooner",
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(endpoint.secret).sign(id, now, body.decode()),
    }
