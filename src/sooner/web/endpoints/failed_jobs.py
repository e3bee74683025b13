"""Failed jobs over HTTP: retrying and resolving them."""

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.body import read_members
from sooner.web.job_answers import answer
from sooner.web.lookup import job_id, visible
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import (
    DOCUMENT,
    Answer,
    Body,
)
from sooner.web.resources import Resources

LONGEST_NOTE = 2000
NOTE = {
    "type": "object",
    "properties": {"note": {"type": ["string", "null"], "maxLength": LONGEST_NOTE}},
    "additionalProperties": False,
}


@endpoint(
    "POST",
    "/jobs/{id}/retry",
    scope="jobs",
    tag="Jobs",
    answers={202: Answer("The job waits again.", schemas.Job, headers=DOCUMENT)},
    problems=(404, 409, 410),
)
async def retry_job(request: Request, who: Caller) -> Response:
    """A failed job goes back to waiting."""
    shard = shard_of(request)
    id = job_id(request)
    await visible(shard, id, who)
    await shard.actions.retry(id)
    return answer(shard, await visible(shard, id, who), status=202)


@endpoint(
    "POST",
    "/jobs/{id}/resolve",
    scope="jobs",
    tag="Jobs",
    answers={200: Answer("The job is resolved.", schemas.Job, headers=DOCUMENT)},
    problems=(400, 404, 409, 410, 413, 415, 422),
    body=Body(NOTE, {"note": "The disk was full."}, required=False),
)
async def resolve_job(request: Request, who: Caller) -> Response:
    """A person has dealt with a failed job, and may say how."""
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    id = job_id(request)
    await visible(shard, id, who)
    await shard.actions.resolve(id, await _note(request, resources.settings.max_body_bytes))
    return answer(shard, await visible(shard, id, who), status=200)


async def _note(request: Request, most: int) -> str | None:
    note = (await read_members(request, most, ["note"])).get("note")
    if note is not None and not (isinstance(note, str) and len(note) <= LONGEST_NOTE):
        raise Invalid([wrong("#/note", f"a note is a text of at most {LONGEST_NOTE} characters")])
    return note
