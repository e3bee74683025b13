"""A job's events as they happen (Server-Sent Events: HTML, section 9.2)."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from sse_starlette import ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Unavailable
from sooner.jobs import codec
from sooner.jobs.following.document import NO_MORE
from sooner.jobs.following.events import CREATED, EventType, Heard, event_id
from sooner.jobs.output.outputs import Pieces
from sooner.jobs.row import Job
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.event_stream import EventStream, no_more_events
from sooner.web.lookup import job_id, visible
from sooner.web.openapi.operation import LAST_EVENT_ID, Answer
from sooner.web.shard import Shard
from sooner.web.trail import Trail

#: How long a browser waits before it resumes a stream that ended early.
RETRY_MILLISECONDS = 1000

Closed = Callable[[Any], Awaitable[None]]


@endpoint(
    "GET",
    "/jobs/{id}/events",
    scope="jobs",
    tag="Jobs",
    answers={
        200: Answer("The events, until the job is final.", media="text/event-stream"),
        204: Answer("The client has every event already: there will be no others."),
    },
    problems=(404, 410),
    parameters=(LAST_EVENT_ID,),
    by_address=True,
)
async def get_job_events(request: Request, who: Caller | None) -> Response:
    """A job's states, progress and output, from now (or from Last-Event-ID) to its end.

    An `output` event has a member `output` beside the document's: `{"items": […], "next": N}`. After a `reset` event the output
    begins anew, for the job is tried again.
    """
    shard = shard_of(request)
    id = job_id(request)
    job = await visible(shard, id, who)
    heard = Heard.read(request.headers.get("last-event-id", ""))
    if job.state.is_final and heard is not None and heard.news(job) is None:
        return no_more_events()
    return stream(request, id, heard)


def stream(
    request: Request,
    id: UUID,
    heard: Heard | None = None,
    headers: Mapping[str, str] | None = None,
    on_close: Closed | None = None,
) -> Response:
    """A stream of the job's events until it is final. `on_close` is awaited when the client hangs up before."""
    return EventStream(
        _events(request, id, heard),
        headers=headers,
        client_close_handler_callable=on_close,
    )


async def _events(request: Request, id: UUID, heard: Heard | None) -> AsyncIterator[ServerSentEvent]:
    """Each event is made when the reader is ready for it, from the rows as they are then: nothing piles up."""
    after = 0 if heard is None else heard.output
    with Trail(request, id, closely=True, reads_output=True) as trail:
        job = await trail.first()
        place = trail.shard.outputs.bookmark(id, after)
        while job is not None:
            shard = trail.shard
            kind, is_read = "state" if heard is None else heard.news(job), False
            # The last state comes after all output, the others come before it.
            if kind is not None and not job.state.is_final:
                yield _event(shard, kind, job, event_id(job, place.after), first=heard is None)
            # A reader whose stream breaks off before the last state comes back for it.
            known = (heard or CREATED) if job.state.is_final else job
            with contextlib.suppress(Unavailable):
                async for page in trail.pages(place):
                    for event in _of_page(shard, job, page, known):
                        yield event
                is_read = True
            if job.state.is_final and is_read:
                if kind is not None:
                    yield _event(shard, kind, job, event_id(job, place.after), first=heard is None)
                break
            heard = heard if job.state.is_final else Heard.of(job)
            if trail.is_released:
                break
            job = await trail.change()


def _of_page(shard: Shard, job: Job, page: Pieces, known: Job | Heard) -> Iterator[ServerSentEvent]:
    if page.is_reset:
        yield _event(shard, "reset", job, event_id(known))
    if items := [codec.written(text.encode()) for _, text in page.numbered() if text]:
        more = {"output": {"items": items, "next": page.last}}
        yield _event(shard, "output", job, event_id(known, page.last), more=more)


def _event(
    shard: Shard,
    kind: EventType,
    job: Job,
    id: str,
    *,
    first: bool = False,
    more: Mapping[str, Any] = NO_MORE,
) -> ServerSentEvent:
    return ServerSentEvent(
        shard.documents.render(job, more=more).decode(),
        event=kind,
        id=id,
        retry=RETRY_MILLISECONDS if first else None,
        sep="\n",
    )
