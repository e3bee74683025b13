"""Uploads over HTTP."""

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from sooner.db import TenantMoves
from sooner.jobs.problem import BadRequest, TooLarge
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.problems import problem_of
from sooner.web.moves import once_thawed
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body
from sooner.web.resources import Resources


@endpoint(
    "POST",
    "/uploads",
    scope="jobs",
    tag="Uploads",
    answers={201: Answer("The upload is stored.", schemas.Upload)},
    problems=(400, 413, 429),
    body=Body({}, media="application/octet-stream", required=False),
)
async def create_upload(request: Request, who: Caller) -> Response:
    """The raw body, stored piece by piece as it comes."""
    resources: Resources = request.app.state.resources
    await once_thawed(request)
    shard = shard_of(request)
    most = resources.settings.max_upload_bytes
    resources.rate_limit.check(who.tenant)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"An upload has at most {most} bytes.")
    try:
        stored = await shard.uploads.store(who.tenant, request.stream(), most=most)
    except ClientDisconnect:
        raise BadRequest("The upload did not arrive completely: send it again.") from None
    except TenantMoves as moves:
        # The body is gone: nobody but its sender can try again.
        raise problem_of(moves) from None
    document = {"id": str(stored.id), "bytes": stored.bytes, "sha256": stored.sha256}
    return Response(orjson.dumps(document), 201, media_type="application/json")
