"""The deliveries to a webhook over HTTP."""

import asyncio
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.tenants.keys import Caller
from sooner.jobs.webhooks.webhooks import NoSuchWebhook
from sooner.queue.ids import uuid7
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.endpoints.listing import PAGE, address_of, limit_of, position_of
from sooner.web.endpoints.webhooks import webhook_id
from sooner.web.http import prefer
from sooner.web.http.answers import answer_json, answer_list
from sooner.web.moves import PATIENCE_SECONDS
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import PREFER, Answer
from sooner.web.resources import Resources
from sooner.web.trail import Trail


@endpoint(
    "GET",
    "/webhooks/{id}/deliveries",
    scope="key",
    tag="Webhooks",
    answers={200: Answer("A page of deliveries.", schemas.Deliveries, headers=("Link",))},
    problems=(404, 422),
    parameters=PAGE,
)
async def list_webhook_deliveries(request: Request, who: Caller) -> Response:
    """The deliveries to the webhook, newest first, tests included.

    `status` is the endpoint's latest answer; `error` tells why the latest attempt failed.
    """
    shard = shard_of(request)
    id, query = webhook_id(request), request.query_params
    limit, after = limit_of(query), position_of(query)
    await shard.webhooks.check_owner(id, who.tenant)
    items, next = await shard.deliveries.page(id, limit, after)
    kept = {"limit": str(limit)} if "limit" in query else {}
    path = f"/webhooks/{id}/deliveries"
    return answer_list(items, None if next is None else address_of(path, kept, next))


@endpoint(
    "POST",
    "/webhooks/{id}/test",
    scope="key",
    tag="Webhooks",
    answers={
        200: Answer(
            "The delivery has ended, within the wait.", schemas.Delivery, headers=("Preference-Applied",)
        ),
        202: Answer("The delivery is under way.", schemas.Delivery, headers=("Preference-Applied",)),
    },
    problems=(404, 409, 429),
    parameters=(PREFER,),
)
async def test_webhook(request: Request, who: Caller) -> Response:
    """Send the event `webhook.test` to the webhook, now and once.

    200 with the delivery at its end (look at `state`), or 202 where it takes longer than the wait.
    A test that is under way already is answered again.
    """
    resources: Resources = request.app.state.resources
    resources.rate_limit.check(who.tenant)
    webhook = webhook_id(request)
    await shard_of(request).webhooks.check_enabled(webhook, who.tenant)
    settings, wanted = resources.settings, prefer.read(request.headers.getlist("prefer"))
    seconds = wanted.seconds(settings.sync_wait_seconds, settings.sync_wait_max_seconds)
    delivery = await _ended(request, webhook, seconds)
    return answer_json(delivery, 200 if delivery["state"].is_final else 202, dict([prefer.applied(seconds)]))


async def _ended(request: Request, webhook: UUID, seconds: float) -> dict[str, Any]:
    """The test's delivery at its end, or after the wait, wherever it is by then."""
    own, asked = uuid7(), request.scope["state"]
    until = asyncio.get_running_loop().time() + seconds
    with Trail(request, own) as trail:
        id = await trail.shard.deliveries.test(
            webhook, own, request_id=asked["request_id"], traceparent=asked["traceparent"]
        )
        if seconds > 0 and id == own:
            # What was never seen is not missed when it leaves.
            await trail.seen(until)
            if await trail.final(seconds) is None:
                await trail.seen(until + PATIENCE_SECONDS)
        delivery = await trail.shard.deliveries.find(webhook, id)
    if delivery is None:
        raise NoSuchWebhook
    return delivery
