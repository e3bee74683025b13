"""A job's output: live, or all of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import starmap
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sooner.db import Unavailable
from sooner.jobs import codec
from sooner.jobs.output.outputs import Bookmark, Pieces
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.row import Job
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.endpoints.events import RETRY_MILLISECONDS
from sooner.web.http import prefer
from sooner.web.http.accept import EVENTS, JSON, NDJSON, PLAIN, preferred
from sooner.web.http.answers import NO_STORE, rendered
from sooner.web.http.event_stream import EventStream, event_number, no_more_events
from sooner.web.lookup import job_id, visible
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import LAST_EVENT_ID, PREFER, Answer, Parameter
from sooner.web.resources import Resources
from sooner.web.service import BrokenOff
from sooner.web.trail import Trail

#: Neither a cache nor a proxy keeps what comes, and no browser takes it for a page.
STREAMED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


@endpoint(
    "GET",
    "/jobs/{id}/output",
    scope="jobs",
    tag="Jobs",
    answers={
        200: Answer(
            "The output: as JSON what there is by now, as events, lines or text all until the job's end.",
            schemas.Output,
        ),
        204: Answer("The client has every event already: there will be no others."),
    },
    problems=(404, 410, 422),
    parameters=(
        Parameter(
            "from",
            "query",
            "The `next` of an answer, or the id of an event: what follows is wanted.",
            {"type": "integer", "minimum": 0},
        ),
        LAST_EVENT_ID,
        PREFER,
    ),
    by_address=True,
)
async def get_job_output(request: Request, who: Caller | None) -> Response:
    """What the job has put out: each piece once, in order, from the beginning or from where the reader was.

    `Accept` chooses: `text/event-stream` (events `output` with the piece as data; `reset` where the job is tried again and its
    output begins anew; `truncated` where further pieces are dropped; `end` with the job's state), `application/x-ndjson` (a piece a
    line), `text/plain` (texts as they are, other pieces a line each), which all go on until the job's end; or JSON.
    """
    shard = shard_of(request)
    id = job_id(request)
    job = await visible(shard, id, who)
    place = shard.outputs.bookmark(id, _after(request))
    media = preferred(request.headers.getlist("accept"), (JSON, EVENTS, NDJSON, PLAIN))
    if media == JSON:
        return await _whole(request, job, place, _wait(request))
    if media == EVENTS:
        if (
            job.state.is_final
            and (place.after or _last_event(request) is not None)
            and await shard.outputs.bookmark(id, place.after).next() is None
        ):
            return no_more_events()
        return EventStream(_events(request, place))
    if request.method == "HEAD":
        return Response(headers=STREAMED, media_type=media)
    return StreamingResponse(
        _texts(request, place, _lines if media == NDJSON else _plain), headers=STREAMED, media_type=media
    )


def _after(request: Request) -> int:
    """The number of the last piece that the reader has. Raises Invalid."""
    text = request.query_params.get("from")
    if text is not None and event_number(text) is None:
        raise Invalid(
            [wrong("#/from", "a whole number from 0 on is needed: the `next` of an answer, or an event's id")]
        )
    # An EventSource that comes back asks at its first address: its last event is the newer place.
    last = _last_event(request)
    return int(text or 0) if last is None else last


def _last_event(request: Request) -> int | None:
    return event_number(request.headers.get("last-event-id", ""))


def _wait(request: Request) -> float:
    resources: Resources = request.app.state.resources
    wait = prefer.read(request.headers.getlist("prefer")).wait
    return min(wait, resources.settings.sync_wait_max_seconds) if wait else 0


async def _until_end(request: Request, place: Bookmark) -> AsyncIterator[Pieces | State]:
    """Pages as they come, and at the job's end its state. While the database is away nothing comes."""
    with Trail(request, place.job, reads_output=True) as trail:
        job = await trail.first()
        while job is not None:
            with contextlib.suppress(Unavailable):
                async for page in trail.pages(place):
                    yield page
                if job.state.is_final:
                    yield job.state
                    return
            if trail.is_released:
                return
            job = await trail.change()


async def _events(request: Request, place: Bookmark) -> AsyncIterator[bytes]:
    """All events of a page in one write: writing costs more than their texts."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    async for page in _until_end(request, place):
        if isinstance(page, Pieces):
            reset = "event: reset\ndata: {}\n\n" if page.is_reset else ""
            yield (reset + "".join(starmap(_event, page.numbered()))).encode()
        else:
            facts = _json({"state": page, "next": place.after})
            yield f"event: end\nid: {place.after}\ndata: {facts}\n\n".encode()


def _event(number: int, text: str) -> str:
    return f"event: {'output' if text else 'truncated'}\nid: {number}\ndata: {text or '{}'}\n\n"


async def _texts(request: Request, place: Bookmark, write: Callable[[str], str]) -> AsyncIterator[str]:
    is_begun = place.after > 0
    async for page in _until_end(request, place):
        if isinstance(page, Pieces):
            if page.is_reset and is_begun:
                raise BrokenOff
            is_begun = True
            yield "".join([write(text) for _, text in page.numbered() if text])


def _lines(text: str) -> str:
    return f"{text}\n"


def _plain(text: str) -> str:
    return str(codec.loads(text)) if text.startswith('"') else f"{text}\n"


async def _whole(request: Request, job: Job, place: Bookmark, seconds: float) -> Response:
    """What there is by now, or after a wait for more; what is more than a page is never in memory as a whole."""
    with Trail(request, job.id, reads_output=True) as trail:
        trail.subscription.see(job)
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        # Polls and progress wake it, too.
        while (first := await _first(trail, place)) is None and not _is_complete(trail, job):
            left = until - loop.time()
            if left <= 0 or trail.is_released:
                break
            # Only the wait ends with the time: a page that is half read would be lost.
            await trail.subscription.change_within(left)
            if (found := await trail.seen(until)) is None:
                break
            job = found
        is_complete = _is_complete(trail, job)
    parts = _document(place, _pages(request, job, place, first), is_complete=is_complete)
    fields = [NO_STORE, *([prefer.applied(seconds)] if seconds else [])]
    if first is not None and first.is_more:
        return StreamingResponse(parts, headers=dict(fields), media_type=JSON)
    return rendered("".join([part async for part in parts]).encode(), 200, fields)


async def _first(trail: Trail, place: Bookmark) -> Pieces | None:
    """The first page of what there is; nothing where the job has just left."""
    after, page = place.after, None
    try:
        async with contextlib.aclosing(trail.pages(place)) as pages:
            async for page in pages:
                if page.is_more:
                    break
    except Unavailable:
        if not trail.subscription.is_gone:
            raise
        place.after, page = after, None
    return page


async def _pages(request: Request, job: Job, place: Bookmark, first: Pieces | None) -> AsyncIterator[Pieces]:
    """The first page, and all that follow it. Raises BrokenOff where one cannot be read, or those before do not count any more."""
    if first is not None:
        yield first
    if first is None or not first.is_more:
        return
    with Trail(request, job.id, reads_output=True) as trail:
        trail.subscription.see(job)
        try:
            async for page in trail.pages(place):
                if page.is_reset:
                    raise BrokenOff
                yield page
        except Unavailable:
            raise BrokenOff from None


async def _document(
    place: Bookmark, pages: AsyncIterator[Pieces], *, is_complete: bool
) -> AsyncIterator[str]:
    facts, separator = {}, ""
    yield '{"items":['
    async for page in pages:
        texts = [text for _, text in page.numbered()]
        if page.is_reset:
            facts["reset"] = True
        if "" in texts:
            facts["truncated"] = True
        if items := ",".join(filter(None, texts)):
            yield separator + items
            separator = ","
    yield f"],{_json({'next': place.after, 'complete': is_complete, **facts})[1:]}"


def _is_complete(trail: Trail, job: Job) -> bool:
    return job.state.is_final and not trail.subscription.is_gone


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
