"""Webhooks over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.tenants.keys import Caller
from sooner.jobs.webhooks.webhooks import EVENTS, LONGEST_URL, NoSuchWebhook
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.answers import answer_json, answer_list
from sooner.web.http.body import read_members
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body
from sooner.web.resources import Resources

NEW = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": LONGEST_URL},
        "events": {"type": "array", "items": {"enum": [*EVENTS]}, "minItems": 1},
    },
    "required": ["url", "events"],
    "additionalProperties": False,
}


@endpoint(
    "POST",
    "/webhooks",
    scope="key",
    tag="Webhooks",
    answers={201: Answer("The webhook is registered; its secret is shown once.", schemas.NewWebhook)},
    problems=(400, 413, 415, 422),
    body=Body(NEW, {"url": "https://example.com/hook", "events": ["job.done"]}),
)
async def create_webhook(request: Request, who: Caller) -> Response:
    """Register an endpoint for the ends of the tenant's jobs; its secret is shown once."""
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    members = await read_members(request, resources.settings.max_body_bytes, ["url", "events"])
    url, events = _url(members), _events(members)
    id, secret = await shard.webhooks.create(who.tenant, url, events)
    return answer_json({"id": str(id), "url": url, "events": events, "secret": secret}, 201)


def _url(members: Mapping[str, Any]) -> str:
    url = members.get("url")
    if not isinstance(url, str):
        raise Invalid([wrong("#/url", "an address is needed")])
    return url


def _events(members: Mapping[str, Any]) -> list[str]:
    events = members.get("events")
    if not isinstance(events, list) or not events or not all(event in EVENTS for event in events):
        raise Invalid([wrong("#/events", f"events are one or more of {', '.join(EVENTS)}")])
    return list(dict.fromkeys(events))


@endpoint(
    "GET", "/webhooks", scope="key", tag="Webhooks", answers={200: Answer("The webhooks.", schemas.Webhooks)}
)
async def list_webhooks(request: Request, who: Caller) -> Response:
    """The tenant's endpoints."""
    shard = shard_of(request)
    return answer_list([dict(row, id=str(row["id"])) for row in await shard.webhooks.list(who.tenant)])


@endpoint(
    "DELETE",
    "/webhooks/{id}",
    scope="key",
    tag="Webhooks",
    answers={204: Answer("The webhook is removed.")},
    problems=(404,),
)
async def delete_webhook(request: Request, who: Caller) -> Response:
    """Remove the endpoint."""
    shard = shard_of(request)
    await shard.webhooks.delete(webhook_id(request), who.tenant)
    return Response(status_code=204)


def webhook_id(request: Request) -> UUID:
    """The id in the path. Raises NoSuchWebhook for a text that is no UUID."""
    try:
        return UUID(request.path_params["id"])
    except ValueError:
        raise NoSuchWebhook from None
