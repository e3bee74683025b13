"""Delivering to webhooks."""

from datetime import UTC, datetime
from uuid import UUID

import httpx
from standardwebhooks import Webhook

from sooner.jobs import worker_resources
from sooner.jobs.context import current
from sooner.jobs.failure import Failure
from sooner.jobs.following.follower import SQL as READ
from sooner.jobs.row import Job
from sooner.jobs.webhooks.deliveries import answered
from sooner.jobs.webhooks.payload import test_payload, webhook_payload
from sooner.jobs.webhooks.webhooks import WebhookEndpoint, Webhooks
from sooner.outgoing import Refused

SECONDS = 20.0
MOST_REDIRECTS = 3


async def deliver(webhook: UUID, job: UUID, event: str, ended_at: datetime) -> int | None:
    """Send a job's end to an endpoint; the result is the answer's status, None where the endpoint was removed.

    An endpoint that answers 410 is disabled. Raises Failure for every other status but 2xx, and without an answer.
    """
    endpoint = await _webhooks().find(webhook)
    if endpoint is None:
        return None
    rows = await worker_resources.database().rows(READ.jobs, ids=[job])
    return await _send(endpoint, webhook_payload(event, ended_at, job, Job.read(rows[0]) if rows else None))


async def deliver_test(webhook: UUID) -> int | None:
    """As `deliver`, with an event that tells of no job."""
    endpoint = await _webhooks().find(webhook)
    return None if endpoint is None else await _send(endpoint, test_payload(webhook, datetime.now(UTC)))


def _webhooks() -> Webhooks:
    return Webhooks(worker_resources.database())


async def _send(endpoint: WebhookEndpoint, body: bytes) -> int:
    status = await _answer(endpoint, body)
    if status == httpx.codes.GONE:
        await _webhooks().disable(endpoint.id)
    elif not 200 <= status < 300:
        raise Failure(answered(status), type="webhook-refused", title="The endpoint did not take it")
    return status


async def _answer(endpoint: WebhookEndpoint, body: bytes) -> int:
    try:
        return await _post(httpx.URL(endpoint.url), _headers(endpoint, body), body)
    except Refused as refusal:
        title = "The endpoint's address is refused"
        raise Failure(str(refusal), type="webhook-address-refused", title=title, again=False) from None
    except httpx.HTTPError as error:
        title = "The endpoint cannot be reached"
        raise Failure(_sentence(error), type="webhook-unreachable", title=title) from None


def _sentence(error: httpx.HTTPError) -> str:
    """Why there was no answer: httpx's timeouts have no text."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"The endpoint took no connection within {SECONDS:g} s."
    if isinstance(error, httpx.TimeoutException):
        return f"The endpoint did not answer within {SECONDS:g} s."
    return f"The endpoint cannot be reached: {str(error) or type(error).__name__}."


async def _post(url: httpx.URL, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer; its body is not read.

    Only redirects that keep the request as it is are followed (RFC 9110, sections 15.4.8 and 15.4.9): after others,
    httpx would send a GET, which an endpoint might take for a delivery.
    """
    async with worker_resources.network().client(timeout=SECONDS) as client:
        for _ in range(1 + MOST_REDIRECTS):
            async with client.stream("POST", url, headers=headers, content=body) as answer:
                location = answer.headers.get("location")
                if answer.status_code not in (307, 308) or location is None:
                    return answer.status_code
                url = url.join(location)
    raise Refused(f"The endpoint redirects more than {MOST_REDIRECTS} times.")


def _headers(endpoint: WebhookEndpoint, body: bytes) -> dict[str, str]:
    """The headers of a delivery. Its id is the same in every attempt, so that receivers recognise a repetition.

    `traceparent` is the trace of the request that began the job, for receivers that have spans, too.
    """
    id, now = f"msg_{current().id.hex}", datetime.now(UTC)
    traceparent = current().traceparent
    return {
        **({} if traceparent is None else {"traceparent": traceparent}),
        "content-type": "application/json",
        "user-agent": "Sooner",
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(endpoint.secret).sign(id, now, body.decode()),
    }
