"""A job's events as they happen (Server-Sent Events: HTML, section 9.2)."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Unavailable
from sooner.jobs.following.events import EventType, Heard, event_id
from sooner.jobs.following.follower import Subscription
from sooner.jobs.row import Job
from sooner.jobs.tenants.keys import Caller
from sooner.web.endpoint import endpoint
from sooner.web.lookup import job_id, visible
from sooner.web.openapi.operation import Answer, Parameter
from sooner.web.resources import Resources

#: Proxies close silent connections: the contract promises a comment at least every 15 s.
PING_SECONDS = 10
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
    parameters=(
        Parameter(
            "Last-Event-ID", "header", "The id of the last event that the client has.", {"type": "string"}
        ),
    ),
    by_address=True,
)
async def events(request: Request, who: Caller | None) -> Response:
    """A job's states and progress, from now (or from Last-Event-ID) to its end."""
    resources: Resources = request.app.state.resources
    id = job_id(request)
    job = await visible(resources, id, who)
    heard = Heard.read(request.headers.get("last-event-id", ""))
    if job.state.is_final and heard is not None and heard.news(job) is None:
        # A 204 stops a browser's EventSource from coming back (HTML, section 9.2.3).
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    return stream(resources, id, heard)


def stream(
    resources: Resources,
    id: UUID,
    heard: Heard | None = None,
    headers: Mapping[str, str] | None = None,
    on_close: Closed | None = None,
) -> Response:
    """A stream of the job's events until it is final. `on_close` is awaited when the client hangs up before."""
    return EventSourceResponse(
        _events(resources, id, heard),
        headers=headers,
        ping=PING_SECONDS,
        sep="\n",
        client_close_handler_callable=on_close,
    )


async def _events(resources: Resources, id: UUID, heard: Heard | None) -> AsyncIterator[ServerSentEvent]:
    """Each event is made when the reader is ready for it, from the row as it is then: nothing piles up."""
    follower = resources.follower
    with follower.subscribe(id, closely=True) as subscription:
        job = await _first(resources, subscription)
        while job is not None:
            kind = "state" if heard is None else heard.news(job)
            if kind is not None:
                yield _event(resources, kind, job, first=heard is None)
            heard = Heard.of(job)
            if job.state.is_final or follower.is_released:
                break
            await subscription.change()
            job = None if subscription.is_gone else subscription.job


async def _first(resources: Resources, subscription: Subscription) -> Job | None:
    """The job, once the database answers; None where the job is gone or the process is ending."""
    while not resources.follower.is_released:
        with contextlib.suppress(Unavailable):
            return await resources.follower.look(subscription)
        await subscription.change()
    return None


def _event(resources: Resources, kind: EventType, job: Job, *, first: bool) -> ServerSentEvent:
    return ServerSentEvent(
        resources.documents.render(job).decode(),
        event=kind,
        id=event_id(job),
        retry=RETRY_MILLISECONDS if first else None,
        sep="\n",
    )
