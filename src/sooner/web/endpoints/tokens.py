"""Short-lived tokens over HTTP, for browsers."""

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.answers import answer_json
from sooner.web.http.body import read_members
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body
from sooner.web.resources import Resources

DEFAULT_SECONDS = 3600
MOST_SECONDS = 86400
EXPIRES = {
    "type": "object",
    "properties": {
        "expires_in": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MOST_SECONDS,
            "default": DEFAULT_SECONDS,
        }
    },
    "additionalProperties": False,
}


@endpoint(
    "POST",
    "/tokens",
    scope="key",
    tag="Tokens",
    answers={201: Answer("The token, shown once.", schemas.Token)},
    problems=(400, 413, 415, 422),
    body=Body(EXPIRES, {"expires_in": DEFAULT_SECONDS}, required=False),
)
async def create_token(request: Request, who: Caller) -> Response:
    """A token for the tenant's jobs and uploads."""
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    members = await read_members(request, resources.settings.max_body_bytes, ["expires_in"])
    text, expires_at = await shard.keys.create_token(who, _seconds(members.get("expires_in")))
    return answer_json({"token": text, "expires_at": expires_at}, 201)


def _seconds(value: object) -> int:
    if value is None:
        return DEFAULT_SECONDS
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_SECONDS:
        text = f"expires_in is a whole number of seconds from 1 to {MOST_SECONDS}"
        raise Invalid([wrong("#/expires_in", text)])
    return value
