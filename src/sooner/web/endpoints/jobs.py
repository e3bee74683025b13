"""Jobs over HTTP: reading and cancelling them."""

import asyncio
import contextlib

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.following.document import NO_MORE
from sooner.jobs.problem import MethodNotAllowed
from sooner.jobs.row import Job
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http import prefer
from sooner.web.http.validators import known_tags
from sooner.web.job_answers import answer, unchanged
from sooner.web.lookup import job_id, visible
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import DOCUMENT, IF_NONE_MATCH, PREFER, Answer
from sooner.web.resources import Resources
from sooner.web.trail import Trail


@endpoint(
    "GET",
    "/jobs/{id}",
    scope="jobs",
    tag="Jobs",
    answers={
        200: Answer("The job document.", schemas.Job, headers=(*DOCUMENT, "Preference-Applied")),
        304: Answer("The client has this version already.", headers=DOCUMENT),
    },
    problems=(404, 410),
    parameters=(PREFER, IF_NONE_MATCH),
    by_address=True,
)
async def get_job(request: Request, who: Caller | None) -> Response:
    """The document, at once or after its next change; operators see its attempts, too."""
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    if request.path_params["id"] in resources.actors:
        raise MethodNotAllowed("POST")
    id = job_id(request)
    known = known_tags(request.headers.getlist("if-none-match"))
    fields = request.headers.getlist("prefer")
    wait = prefer.read(fields).wait if fields else None
    seconds = min(wait, resources.settings.sync_wait_max_seconds) if wait else 0
    with Trail(request, id, closely=seconds > 0) as trail:
        job = await visible(shard, id, who)
        if seconds and not job.state.is_final and (not known or known & {job.etag, "*"}):
            job = await _changed(trail, job, seconds)
            shard = trail.shard
    applied = [prefer.applied(seconds)] if wait else []
    if known & {job.etag, "*"}:
        return unchanged(shard, job, *applied)
    is_operator = who is not None and who.is_admin
    more = {"attempts_log": await shard.attempts.of(id)} if is_operator else NO_MORE
    return answer(shard, job, *applied, reading=True, more=more)


async def _changed(trail: Trail, job: Job, seconds: float) -> Job:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            trail.subscription.see(job)
            while not trail.is_released and (found := await trail.change()) is not None:
                if found.version != job.version:
                    return found
    return job


@endpoint(
    "POST",
    "/jobs/{id}/cancel",
    scope="jobs",
    tag="Jobs",
    answers={
        200: Answer("The job is cancelled.", schemas.Job, headers=DOCUMENT),
        202: Answer("The job's worker is asked to stop it.", schemas.Job, headers=(*DOCUMENT, "Location")),
    },
    problems=(404, 409, 410),
    by_address=True,
)
async def cancel_job(request: Request, who: Caller | None) -> Response:
    """200 where it was waiting, 202 where it has to be stopped first."""
    shard = shard_of(request)
    id = job_id(request)
    await visible(shard, id, who)
    state = await shard.actions.cancel(id)
    job = await visible(shard, id, who)
    return answer(shard, job, status=200 if state is State.CANCELLED else 202)
