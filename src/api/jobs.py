"""Jobs over HTTP."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from src.api import prefer, when
from src.api.auth import caller, may_see
from src.api.body import read_json
from src.api.lookup import job_id, visible
from src.api.resources import Resources
from src.db import Unavailable
from src.jobs import codec
from src.jobs.declare import JobActor
from src.jobs.keys import Caller
from src.jobs.problem import Invalid, NotFound, wrong
from src.jobs.row import Job
from src.jobs.states import State
from src.jobs.submit import Submission
from src.jobs.watch import Watcher
from src.queue.ids import uuid7


async def submit(request: Request) -> Response:
    """POST /jobs/{actor}: 200 with the end of the job, or 202 with where to look for it."""
    resources: Resources = request.app.state.resources
    who = await caller(request)
    actor = _actor(resources, request.path_params["actor"])
    params = codec.read_object(await read_json(request, resources.settings.max_body_bytes))
    actor.check(params)
    await _check_uploads(resources, actor, params, who)
    submission = _submission(request, actor, params, who)
    seconds = _wait(request, resources)
    async with resources.watch.on(uuid7()) as watcher:
        job = await resources.submitter.submit(submission, watcher.id)
        if job.run_at is not None and job.run_at > datetime.now(UTC) + timedelta(seconds=seconds):
            seconds = 0
        if seconds > 0:
            job = await resources.watch.final(watcher, seconds) or await _reread(resources, job)
    return answer(resources, job, {"Preference-Applied": prefer.applied(seconds)})


def _actor(resources: Resources, name: str) -> JobActor:
    try:
        return resources.actors[name]
    except KeyError:
        raise NotFound(f"There is no actor {name!r}.") from None


async def _check_uploads(
    resources: Resources, actor: JobActor, params: Mapping[str, Any], who: Caller
) -> None:
    for name in actor.upload_names:
        if (
            params.get(name) is not None
            and await resources.uploads.find(UUID(params[name]), who.tenant) is None
        ):
            raise Invalid([wrong(f"#/{name}", "there is no such upload")])


def _submission(request: Request, actor: JobActor, params: Mapping[str, Any], who: Caller) -> Submission:
    query = request.query_params
    return Submission(
        actor=actor,
        params=params,
        tenant=who.tenant,
        request_id=request.state.request_id,
        traceparent=request.state.traceparent,
        priority=when.priority(query),
        run_at=when.run_at(query),
        delay=when.delay(query),
        cancel_after=when.cancel_after(request),
    )


def _wait(request: Request, resources: Resources) -> float:
    fields = request.headers.getlist("prefer")
    wanted = prefer.read(fields) if fields else prefer.NONE
    settings = resources.settings
    return wanted.seconds(settings.sync_wait_seconds, settings.sync_wait_max_seconds)


async def _reread(resources: Resources, job: Job) -> Job:
    """The job as it is after the wait; as it was accepted where the database is away: it is not lost."""
    with contextlib.suppress(Unavailable):
        return await resources.watch.job(job.id) or job
    return job


async def show(request: Request) -> Response:
    """GET /jobs/{id}: the document, at once or after its next change."""
    resources: Resources = request.app.state.resources
    id = job_id(request)
    who = await may_see(request, id)
    known = _known_tags(request)
    fields = request.headers.getlist("prefer")
    wait = prefer.read(fields).wait if fields else None
    seconds = min(wait, resources.settings.sync_wait_max_seconds) if wait else 0
    async with resources.watch.on(id) as watcher:
        job = await visible(resources, id, who)
        if seconds and not job.state.is_final and (not known or job.etag in known):
            job = await _changed(resources, watcher, job, seconds)
    applied = {"Preference-Applied": prefer.applied(seconds)} if wait else {}
    if job.etag in known or "*" in known:
        return Response(status_code=304, headers={**_reading_headers(job), **applied})
    return answer(resources, job, applied, reading=True)


async def _changed(resources: Resources, watcher: Watcher, job: Job, seconds: float) -> Job:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not resources.watch.is_released:
                await watcher.change()
                now = await resources.watch.job(job.id)
                if now is None or now.version != job.version:
                    return now or job
    return job


def _known_tags(request: Request) -> set[str]:
    fields = ",".join(request.headers.getlist("if-none-match"))
    return {tag.strip().removeprefix("W/") for tag in fields.split(",") if tag.strip()}


async def cancel(request: Request) -> Response:
    """POST /jobs/{id}/cancel: 200 where it was waiting, 202 where it has to be stopped first."""
    resources: Resources = request.app.state.resources
    id = job_id(request)
    who = await may_see(request, id)
    await visible(resources, id, who)
    state = await resources.actions.cancel(id)
    job = await visible(resources, id, who)
    return answer(resources, job, status=200 if state is State.CANCELLED else 202)


def answer(
    resources: Resources,
    job: Job,
    headers: Mapping[str, str] | None = None,
    *,
    status: int | None = None,
    reading: bool = False,
) -> Response:
    """The job document: 200 where it is final or was only read, else 202 with where to look."""
    code = status or (200 if reading or job.state.is_final else 202)
    more = dict(headers or {}, **_reading_headers(job))
    if code == 202:
        more["Location"] = resources.documents.urls(job)["self"]
    return Response(resources.documents.render(job), code, more, media_type="application/json")


def _reading_headers(job: Job) -> dict[str, str]:
    headers = {"ETag": job.etag, "Cache-Control": "no-store"}
    if not job.state.is_final:
        headers["Retry-After"] = "1"
    return headers


ROUTES = [
    Route("/jobs/{actor}", submit, methods=["POST"]),
    Route("/jobs/{id}", show, methods=["GET"]),
    Route("/jobs/{id}/cancel", cancel, methods=["POST"]),
]
