"""The log of a job over HTTP, for operators."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from sse_starlette import ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Unavailable
from sooner.jobs.logging.log_lines import SeenLines
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.endpoints.events import RETRY_MILLISECONDS
from sooner.web.endpoints.listing import MOST, PAGE, limit_of
from sooner.web.http.accept import prefers_events
from sooner.web.http.answers import answer_list
from sooner.web.http.event_stream import EventStream, event_number, no_more_events
from sooner.web.http.root import root
from sooner.web.lookup import job_id, visible
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import LAST_EVENT_ID, Answer
from sooner.web.shard import Shard
from sooner.web.trail import Trail

#: The seconds between two looks of a live reader: workers send no notification of lines, which hardly ever have a reader.
LOOK_SECONDS = 0.2


@endpoint(
    "GET",
    "/jobs/{id}/logs",
    scope="admin",
    tag="Jobs",
    answers={
        200: Answer("A page of the log, or its lines as events `log`.", schemas.LogLines, headers=("Link",)),
        204: Answer("The reader of events has every line already: there will be no others."),
    },
    problems=(404, 410, 422),
    parameters=(*PAGE, LAST_EVENT_ID),
)
async def list_job_logs(request: Request, who: Caller) -> Response:
    """What the job's code logged and printed, in order, over all attempts.

    With `Accept: text/event-stream` the lines come as events, each with its `id`, until the job is final.
    """
    shard = shard_of(request)
    id = job_id(request)
    job = await visible(shard, id, who)
    if not prefers_events(request.headers.getlist("accept")):
        return await _page(request, shard, id)
    heard = event_number(request.headers.get("last-event-id", "")) or 0
    if job.state.is_final and not await shard.log_lines.after(id, heard, 1):
        return no_more_events()
    return EventStream(_events(request, id, heard))


async def _page(request: Request, shard: Shard, id: UUID) -> Response:
    query = request.query_params
    limit, after = limit_of(query), _after(query.get("cursor"))
    found = await shard.log_lines.after(id, after, limit + 1)
    page = found[:limit]
    next = f"{root()}/jobs/{id}/logs?" + urlencode({"limit": limit, "cursor": page[-1][0]}) if page else None
    return answer_list([line for _, line in page], next if len(found) > limit else None)


def _after(cursor: str | None) -> int:
    number = 0 if not cursor else event_number(cursor)
    if number is None:
        raise Invalid([wrong("#/cursor", "the cursor is from no list: take it from the `next` of a page")])
    return number


async def _events(request: Request, id: UUID, after: int) -> AsyncIterator[ServerSentEvent]:
    retry: int | None = RETRY_MILLISECONDS
    seen = SeenLines(after)
    with Trail(request, id) as trail:
        job = await trail.first()
        while job is not None:
            # The lines of an attempt are written before its end: those read after the end are all.
            is_last = job.state.is_final
            with contextlib.suppress(Unavailable):
                while lines := await _next(trail.shard, id, seen, is_last=is_last):
                    for number, line in lines:
                        seen.add(number)
                        # A late line has a lower number: the reader comes back with the highest.
                        yield _event(seen.last, line, retry)
                        retry = None
                if is_last:
                    await trail.check()
                    return
            if trail.is_released:
                return
            await trail.subscription.change_within(LOOK_SECONDS)
            job = await trail.found()


async def _next(
    shard: Shard, id: UUID, seen: SeenLines, *, is_last: bool
) -> list[tuple[int, dict[str, Any]]]:
    lines = await shard.log_lines.after(id, seen.last, MOST)
    return await shard.log_lines.missed(id, seen, MOST) if is_last and not lines else lines


def _event(number: int, line: object, retry: int | None) -> ServerSentEvent:
    text = orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()
    return ServerSentEvent(text, event="log", id=str(number), retry=retry, sep="\n")
