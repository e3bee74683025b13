"""Submitting jobs over HTTP."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Unavailable
from sooner.db.bounded import answer as answer_within
from sooner.jobs import codec
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.declaring.values import Values
from sooner.jobs.mail.notice import WHILE_IT_IS_THERE, Notice
from sooner.jobs.problem import (
    Invalid,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    wrong,
)
from sooner.jobs.row import Job
from sooner.jobs.states import PRIORITIES
from sooner.jobs.submitting.idempotency import Replay
from sooner.jobs.submitting.submit import Attach, Submission
from sooner.jobs.tenants.keys import Caller
from sooner.process import logs
from sooner.queue.ids import uuid7
from sooner.web.all_shards import PATIENCE_SECONDS
from sooner.web.auth import residence_of, shard_of
from sooner.web.endpoint import endpoint
from sooner.web.endpoints.events import stream
from sooner.web.holders import holder
from sooner.web.http import prefer, submission_options
from sooner.web.http.accept import prefers_events
from sooner.web.http.answers import HeaderField
from sooner.web.http.body import read_json
from sooner.web.http.hangup import unless_hung_up
from sooner.web.http.prefer import Preferences
from sooner.web.http.public_address import public_address
from sooner.web.job_answers import answer
from sooner.web.lookup import visible
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import (
    DOCUMENT,
    PREFER,
    Answer,
    Body,
    Parameter,
)
from sooner.web.resources import Resources
from sooner.web.shard import Shard
from sooner.web.trail import Trail

log = logs.get(__name__)

REPLAYED = ("Idempotency-Replayed", "true")

SUBMITTED = (*DOCUMENT, "Preference-Applied", "Idempotency-Replayed")


@endpoint(
    "POST",
    "/jobs/{actor}",
    scope="jobs",
    tag="Actors",
    answers={
        200: Answer("The final job, within the wait.", schemas.Job, headers=SUBMITTED),
        202: Answer("The job is not final yet.", schemas.Job, headers=(*SUBMITTED, "Location")),
    },
    problems=(400, 404, 409, 413, 415, 422, 429),
    parameters=(
        PREFER,
        Parameter(
            "Cancel-After",
            "header",
            "Cancelled if not final after this many seconds.",
            {"type": "number", "minimum": 0},
        ),
        Parameter(
            "Idempotency-Key",
            "header",
            "The same key and parameters make one job, for 24 hours.",
            {"type": "string", "pattern": "^[!-~]{1,255}$"},
        ),
        Parameter("run_at", "query", "Not before this time.", {"type": "string", "format": "date-time"}),
        Parameter("delay", "query", "Not before this many seconds.", {"type": "number", "minimum": 0}),
        Parameter("priority", "query", "Before or after others.", {"enum": [*PRIORITIES]}, "normal"),
        Parameter(
            "notify",
            "query",
            "One mail at the job's end goes there (RFC 6068), where the service sends mail.",
            {"type": "string", "pattern": "^mailto:"},
        ),
    ),
    body=Body({"type": "object"}),
)
async def submit(request: Request, who: Caller) -> Response:
    """200 with the end of the job, or 202 with where to look for it."""
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    actor = _actor(resources, request.path_params["actor"])
    resources.rate_limit.check(who.tenant)
    params = codec.read_object(await read_json(request, resources.settings.max_body_bytes))
    values = actor.check(params)
    if named := actor.uploads(params, values):
        await _check_uploads(shard, named, who)
    id = uuid7()
    submission = _submission(request, actor, params, values, who, id)
    wanted = _preferences(request)
    try:
        if resources.several:
            await _check_left_behind(request, submission)
        if not wanted.may_wait:
            # The client does not wait, so nothing has to wake it.
            return _tell(shard, request, actor, await _let_in(shard, submission, who, id), 0)
        with Trail(request, id) as trail:
            job = await _let_in(shard, submission, who, id)
            return await _answer(request, actor, trail, job, wanted)
    except Replay as replay:
        return await _replay(request, actor, who, replay.id, wanted, REPLAYED)
    except Attach as attach:
        if (notice := _notice(request, attach.id, who)) is not None:
            await shard.notices.add(attach.id, notice)
        return await _replay(request, actor, who, attach.id, wanted)


async def _check_left_behind(request: Request, submission: Submission) -> None:
    """Raises Replay of a job that still runs where its tenant has been: the request goes on at the shard that holds the job.

    Raises ServiceUnavailable where that shard does not say whether it has the job.
    """
    previous = residence_of(request).previous
    if previous is None:
        return
    try:
        await answer_within(previous.submitter.check_replay(submission), PATIENCE_SECONDS)
    except (Unavailable, TimeoutError):
        raise ServiceUnavailable(
            f"Shard {previous.name}, from where the tenant moves, does not say whether the key was used: repeat this request.",
            retry_after=PATIENCE_SECONDS,
        ) from None
    except Replay as replay:
        shards = (previous, shard_of(request))
        request.scope["state"]["shard"] = await holder(shards, replay.id) or shard_of(request)
        raise


async def _let_in(shard: Shard, submission: Submission, who: Caller, id: UUID) -> Job:
    """Admit and enqueue the job. A repeated request gets its first job even where there is no room for another."""
    admission = shard.admission
    try:
        if not admission.has_room(who.tenant, submission.actor):
            await admission.make_room(who.tenant, submission.actor)
        try:
            job = await shard.submitter.submit(submission, id)
        except BaseException:
            admission.withdraw(who.tenant)
            raise
    except (TooManyRequests, ServiceUnavailable):
        await shard.submitter.check_replay(submission)
        raise
    admission.landed(who.tenant)
    return job


async def _replay(
    request: Request, actor: JobActor, who: Caller, id: UUID, wanted: Preferences, *fields: HeaderField
) -> Response:
    """Answer with the job that exists already, after the same wait as for a new job."""
    with Trail(request, id) as trail:
        job = await visible(trail.shard, id, who)
        return await _answer(request, actor, trail, job, wanted, *fields)


async def _answer(
    request: Request,
    actor: JobActor,
    trail: Trail,
    job: Job,
    wanted: Preferences,
    *fields: HeaderField,
) -> Response:
    """The answer when the job has ended or the wait is over; at once for a client that wants the event stream."""
    seconds = _wait(request, wanted, job)
    if seconds > 0 and not job.state.is_final and not _listens(request):
        job = await _end(request, actor, trail, job, seconds)
    return _tell(trail.shard, request, actor, job, seconds, *fields)


def _tell(
    shard: Shard, request: Request, actor: JobActor, job: Job, seconds: float, *fields: HeaderField
) -> Response:
    """The document or the event stream of a job, after a wait of `seconds`."""
    if _listens(request):
        return _stream(request, actor, job, fields)
    return answer(shard, job, prefer.applied(seconds), *fields)


def _listens(request: Request) -> bool:
    accepted = request.headers.getlist("accept")
    return bool(accepted) and prefers_events(accepted)


def _stream(request: Request, actor: JobActor, job: Job, fields: Iterable[HeaderField]) -> Response:
    shard = shard_of(request)

    async def hung_up(_: object) -> None:
        await _abandon(shard_of(request), actor, job.id)

    location = ("Location", shard.documents.urls(job)["self"])
    more = dict((prefer.applied(0), location, *fields))
    careful = actor.declaration.on_disconnect != "continue"
    return stream(request, job.id, headers=more, on_close=hung_up if careful else None)


def _actor(resources: Resources, name: str) -> JobActor:
    try:
        return resources.actors[name]
    except KeyError:
        raise NotFound(f"There is no actor {name!r}.") from None


async def _check_uploads(shard: Shard, named: Sequence[tuple[str, Sequence[UUID]]], who: Caller) -> None:
    missing = await shard.uploads.missing({id for _, ids in named for id in ids}, who.tenant)
    errors = [
        wrong(pointer, "there is no such upload") for pointer, ids in named if not missing.isdisjoint(ids)
    ]
    if errors:
        raise Invalid(errors)


def _submission(
    request: Request, actor: JobActor, params: Mapping[str, Any], values: Values, who: Caller, id: UUID
) -> Submission:
    state, timing = request.scope["state"], submission_options.timing(request)
    notice = _notice(request, id, who)
    return Submission(
        actor=actor,
        params=params,
        values=values,
        tenant=who.tenant,
        request_id=state["request_id"],
        traceparent=state["traceparent"],
        priority=timing.priority,
        run_at=timing.run_at,
        delay=timing.delay,
        cancel_after=submission_options.cancel_after(request),
        idempotency_key=submission_options.idempotency_key(request),
        notify=None if notice is None else notice.row,
    )


def _notice(request: Request, id: UUID, who: Caller) -> Notice | None:
    """The mail to send at the job's end. Raises Invalid."""
    resources: Resources = request.app.state.resources
    to = submission_options.notify(request, is_mail_taken=resources.settings.smtp_url is not None)
    if to is None:
        return None
    access = shard_of(request).signed_urls.sign(id, who.tenant, WHILE_IT_IS_THERE)
    return Notice(to, f"{public_address(request)}/jobs/{id}?access={access}")


def _preferences(request: Request) -> Preferences:
    return prefer.read(request.headers.getlist("prefer"))


def _wait(request: Request, wanted: Preferences, job: Job) -> float:
    """The seconds to wait for the job's end; 0 where the forecast says that the job cannot end by then."""
    resources: Resources = request.app.state.resources
    settings, shard = resources.settings, shard_of(request)
    seconds = wanted.seconds(settings.sync_wait_seconds, settings.sync_wait_max_seconds)
    if _is_postponed(job, seconds):
        return 0
    return 0 if not wanted.says_when and shard.forecast.cannot_end_within(job, seconds) else seconds


def _is_postponed(job: Job, seconds: float) -> bool:
    """Whether the job is postponed beyond the wait."""
    return job.run_at is not None and job.run_at > job.created_at + timedelta(seconds=seconds)


async def _end(request: Request, actor: JobActor, trail: Trail, job: Job, seconds: float) -> Job:
    """The job at its end, after the wait, or when the client has hung up."""
    ending = trail.final(seconds)
    if actor.declaration.on_disconnect == "continue":
        return await ending or await _reread(trail.shard, job)
    ended, hung_up = await unless_hung_up(request, ending)
    if hung_up:
        await _abandon(trail.shard, actor, job.id)
    return ended or await _reread(trail.shard, job)


async def _abandon(shard: Shard, actor: JobActor, id: UUID) -> None:
    """The client hung up: cancel the job as its actor declares, unless another request here follows it."""
    if shard.follower.count(id) <= 1:
        try:
            await shard.actions.abandon(id, even_running=actor.declaration.on_disconnect == "cancel")
        except Unavailable as error:
            log.warning("job of a client that hung up not cancelled", job=str(id), error=str(error))


async def _reread(shard: Shard, job: Job) -> Job:
    """The job as it is after the wait. Where the database is away, the job as it was accepted: it is not lost."""
    with contextlib.suppress(Unavailable):
        return await shard.follower.job(job.id) or job
    return job
