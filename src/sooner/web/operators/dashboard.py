"""Addresses that only the operators' page uses: its event stream, the queues' history, and bulk actions."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sooner.db import Unavailable
from sooner.jobs import codec
from sooner.jobs.following.listing import START, JobFilter
from sooner.jobs.problem import (
    Invalid,
    Problem,
    WrongState,
    wrong,
)
from sooner.jobs.states import State
from sooner.web.auth import caller
from sooner.web.endpoints.listing import filter_of
from sooner.web.http import cursor
from sooner.web.http.answers import answer_json
from sooner.web.http.body import read_json
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import (
    Answer,
    Body,
    Parameter,
    Schema,
    operation,
)
from sooner.web.resources import Resources

LOOK_SECONDS = 1.0
PAGE = 50
MOST_AT_ONCE = 500
MEANT: dict[str, Schema] = {
    "ids": {"type": ["array", "null"], "items": {"type": "string", "format": "uuid"}},
    "actor": {"type": ["string", "null"]},
}
NOTE: dict[str, Schema] = {"note": {"type": ["string", "null"]}}
HISTORY = {"1h": (3600, 30), "6h": (6 * 3600, 180)}


@operation(
    tag="Dashboard",
    answers={200: Answer("The numbers.", schemas.History)},
    parameters=(Parameter("of", "query", "How much of the past.", {"enum": [*HISTORY]}, "1h"),),
    credentials="admin",
)
async def history(request: Request) -> Response:
    """GET /dashboard/history?of=1h: each queue's numbers over time."""
    resources: Resources = request.app.state.resources
    await caller(request, "admin")
    seconds, step = HISTORY.get(request.query_params.get("of", "1h"), HISTORY["1h"])
    queues = await resources.queue_history.read(seconds, step)
    return answer_json({"seconds": seconds, "step": step, "queues": queues})


@operation(
    tag="Dashboard",
    answers={
        200: Answer("The events `board`, `jobs`, `job` and, at the end, `over`.", media="text/event-stream")
    },
    problems=(422,),
    parameters=(
        Parameter("view", "query", "`jobs` tells of a page of the list, too.", {"enum": ["jobs"]}),
        Parameter("state", "query", "In the list only jobs in this state.", {"enum": [*State]}),
        Parameter("actor", "query", "In the list only jobs of this actor.", {"type": "string"}),
        Parameter("cursor", "query", "Where the page begins.", {"type": "string"}),
        Parameter("job", "query", "A job to tell of as a whole.", {"type": "string", "format": "uuid"}),
    ),
    credentials="admin",
)
async def events(request: Request) -> Response:
    """GET /dashboard/events: the board, and the list (`view=jobs`) and job (`job=…`) that the page shows, at each change."""
    await caller(request, "admin")
    view = DashboardStream(request)
    return EventSourceResponse(view.events(), ping=15, headers={"X-Accel-Buffering": "no"})


class DashboardStream:
    """The event stream of one open page: looks about once a second, and sends the parts that have changed."""

    def __init__(self, request: Request) -> None:
        query = request.query_params
        self._request = request
        self._resources: Resources = request.app.state.resources
        self._filter = filter_of(query) if query.get("view") == "jobs" else None
        self._after = cursor.decode(query["cursor"]) if query.get("cursor") else START
        self._job = _uuid(query.get("job"))
        self._sent: dict[str, bytes] = {}

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """The stream. Ends with `over` when the session does."""
        while not self._resources.follower.is_released:
            began = asyncio.get_running_loop().time()
            try:
                await caller(self._request, "admin")
                for name, value in await self._look():
                    if (event := self._news(name, value)) is not None:
                        yield event
            except Unavailable:
                yield ServerSentEvent(event="away", data="{}")
            except Problem as problem:
                yield ServerSentEvent(event="over", data=orjson.dumps(problem.document()).decode())
                return
            took = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(LOOK_SECONDS, 4 * took))

    def _news(self, name: str, value: Any) -> ServerSentEvent | None:
        data = orjson.dumps(value, option=orjson.OPT_UTC_Z, default=str)
        if self._sent.get(name) == data:
            return None
        self._sent[name] = data
        return ServerSentEvent(event=name, data=data.decode())

    async def _look(self) -> list[tuple[str, Any]]:
        looks: list[tuple[str, Any]] = []
        if self._filter is not None:
            looks.append(("jobs", await self._jobs(self._filter)))
        if self._job is not None:
            looks.append(("job", await self._whole(self._job)))
        board = await self._resources.board.look()
        looks.append(("board", {**board, "schedules": [self._with_next(row) for row in board["schedules"]]}))
        return looks

    async def _jobs(self, filter: JobFilter) -> dict[str, Any]:
        page = await self._resources.board.page(filter, PAGE, self._after)
        return {**page, "next": None if page["next"] is None else cursor.encode(page["next"])}

    async def _whole(self, id: UUID) -> dict[str, Any] | None:
        job = await self._resources.follower.job(id)
        if job is None:
            return None
        return {
            **self._resources.documents.members(job),
            **await self._resources.board.facts(id),
            "attempts_log": await self._resources.attempts.of(id),
        }

    def _with_next(self, row: dict[str, Any]) -> dict[str, Any]:
        schedule = self._resources.schedules.get(row["name"])
        now = datetime.now(ZoneInfo(row["timezone"]))
        return {**row, "next_at": None if schedule is None else schedule.next_after(now)}


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@operation(
    tag="Dashboard",
    answers={200: Answer("How many.", schemas.Changed)},
    problems=(400, 413, 415, 422),
    body=Body({"type": "object", "properties": MEANT}),
    credentials="admin",
)
async def retry(request: Request) -> Response:
    """POST /dashboard/retry: failed jobs go back to waiting, those named or those of an actor."""
    resources: Resources = request.app.state.resources
    return await _each(request, lambda job, note: resources.actions.retry(job))


@operation(
    tag="Dashboard",
    answers={200: Answer("How many.", schemas.Changed)},
    problems=(400, 413, 415, 422),
    body=Body({"type": "object", "properties": {**MEANT, **NOTE}}),
    credentials="admin",
)
async def resolve(request: Request) -> Response:
    """POST /dashboard/resolve: the same failed jobs have been dealt with, perhaps with a note."""
    resources: Resources = request.app.state.resources
    return await _each(request, resources.actions.resolve)


async def _each(request: Request, act: Callable[[UUID, str | None], Awaitable[None]]) -> Response:
    resources: Resources = request.app.state.resources
    await caller(request, "admin")
    asked = codec.read_object(await read_json(request, resources.settings.max_body_bytes))
    note = asked.get("note") or None
    if note is not None and not isinstance(note, str):
        raise Invalid([wrong("#/note", "a note is a text")])
    ids, more = await _ids(resources, asked)
    changed = 0
    for id in ids:
        # Another operator may have been faster.
        with contextlib.suppress(WrongState):
            await act(id, note)
            changed += 1
    return answer_json({"changed": changed, "more": more})


async def _ids(resources: Resources, asked: dict[str, Any]) -> tuple[list[UUID], bool]:
    """The jobs to act on, and whether there are more than one request may change. Raises Invalid."""
    named = asked.get("ids")
    if named is None:
        actor = asked.get("actor") or None
        if actor is not None and not isinstance(actor, str):
            raise Invalid([wrong("#/actor", "an actor's name is a text")])
        filter = JobFilter(state=State.ERROR, actor=actor)
        found, next = await resources.listing.find(filter, MOST_AT_ONCE)
        return [row["message_id"] for row in found], next is not None
    try:
        return [UUID(id) for id in named][:MOST_AT_ONCE], len(named) > MOST_AT_ONCE
    except (ValueError, TypeError, AttributeError):
        raise Invalid([wrong("#/ids", "a list of job ids is needed")]) from None


ROUTES = [
    Route("/dashboard/events", events, methods=["GET"]),
    Route("/dashboard/history", history, methods=["GET"]),
    Route("/dashboard/retry", retry, methods=["POST"]),
    Route("/dashboard/resolve", resolve, methods=["POST"]),
]
