"""Uploads over HTTP."""

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sooner.jobs.problem import BadRequest, TooLarge
from sooner.web.auth import caller
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body, operation
from sooner.web.resources import Resources


@operation(
    tag="Uploads",
    answers={201: Answer("The upload is stored.", schemas.Upload)},
    problems=(400, 413),
    body=Body({}, media="application/octet-stream", required=False),
)
async def upload(request: Request) -> Response:
    """POST /uploads: the raw body, streamed into the database piece by piece."""
    resources: Resources = request.app.state.resources
    who = await caller(request)
    most = resources.settings.max_upload_bytes
    resources.admission.check_rate(who.tenant)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"An upload has at most {most} bytes.")
    try:
        stored = await resources.uploads.store(who.tenant, request.stream(), most=most)
    except ClientDisconnect:
        raise BadRequest("The upload did not arrive completely: send it again.") from None
    document = {"id": str(stored.id), "bytes": stored.bytes, "sha256": stored.sha256}
    return Response(orjson.dumps(document), 201, media_type="application/json")


ROUTES = [Route("/uploads", upload, methods=["POST"])]
