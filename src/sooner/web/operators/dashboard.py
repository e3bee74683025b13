"""Addresses that only the operators' page reads: its event stream, pages of its list, and the queues' history."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Unavailable
from sooner.jobs.following import merged_page
from sooner.jobs.following.listing import END, START, JobFilter, Page, Position
from sooner.jobs.operating.merged_board import merged_board
from sooner.jobs.operating.queue_history import merged_history
from sooner.jobs.problem import Invalid, Problem, ServiceUnavailable, wrong
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.periodic import Cron
from sooner.web.all_shards import named, of_all
from sooner.web.auth import caller, shard_of, shards_of
from sooner.web.endpoint import endpoint
from sooner.web.endpoints.listing import filter_of
from sooner.web.holders import holder, holders
from sooner.web.http import cursor
from sooner.web.http.answers import answer_json
from sooner.web.merged_list import page_of, wanted
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Parameter
from sooner.web.shard import Shard

LOOK_SECONDS = 1.0
PAGE = 50
MOST_SHOWN = 100
LIST = (
    Parameter("state", "query", "In the list only jobs in this state.", {"enum": [*State]}),
    Parameter("actor", "query", "In the list only jobs of this actor.", {"type": "string"}),
    Parameter("cursor", "query", "Where the page begins: after this `next`.", {"type": "string"}),
)
HISTORY = {"1h": (3600, 30), "6h": (6 * 3600, 180)}


@endpoint(
    "GET",
    "/dashboard/history",
    scope="admin",
    tag="Dashboard",
    answers={200: Answer("The numbers.", schemas.History)},
    parameters=(Parameter("of", "query", "The length of the history.", {"enum": [*HISTORY]}, "1h"),),
)
async def get_dashboard_history(request: Request, who: Caller) -> Response:
    """Each queue's numbers over time, of all shards together."""
    seconds, step = HISTORY.get(request.query_params.get("of", "1h"), HISTORY["1h"])
    asked = await of_all(shards_of(request, who), lambda shard: shard.queue_history.read(seconds, step))
    queues = merged_history(asked.answers.values())
    return answer_json({"seconds": seconds, "step": step, "queues": queues, **asked.members})


@endpoint(
    "GET",
    "/dashboard/jobs",
    scope="admin",
    tag="Dashboard",
    answers={200: Answer("The jobs, and the cursor of the next page.", schemas.Glances)},
    problems=(422,),
    parameters=LIST,
)
async def get_dashboard_jobs(request: Request, who: Caller) -> Response:
    """A page of the list, one line a job."""
    query = request.query_params
    filter, after = filter_of(query), _position(query.get("cursor"), START)
    page = await page_of(
        await wanted(request, who, filter), PAGE, lambda shard, its: shard.board.page(its, PAGE, after)
    )
    items = [item for _, item in page.items]
    next = None if page.next is None else cursor.encode(page.next)
    return answer_json({"items": items, "next": next, **named(page.missing)})


@endpoint(
    "GET",
    "/dashboard/events",
    scope="admin",
    tag="Dashboard",
    answers={
        200: Answer("The events `board`, `jobs`, `job` and, at the end, `over`.", media="text/event-stream")
    },
    problems=(422,),
    parameters=(
        Parameter("view", "query", "`jobs` tells of a page of the list, too.", {"enum": ["jobs"]}),
        *LIST,
        Parameter("until", "query", "Where the page ends: its `next`.", {"type": "string"}),
        Parameter("ids", "query", "The jobs that it shows, with commas between.", {"type": "string"}),
        Parameter("job", "query", "A job to tell of as a whole.", {"type": "string", "format": "uuid"}),
    ),
)
async def get_dashboard_events(request: Request, who: Caller) -> Response:
    """The board, and the list (`view=jobs`) and job (`job=…`) that the page shows, at each change.

    Of the list, the event `jobs` tells of the jobs that are shown, and how many `new` ones belong among them.
    """
    view = DashboardStream(request, who)
    return EventSourceResponse(view.events(), ping=15, headers={"X-Accel-Buffering": "no"})


class DashboardStream:
    """The event stream of one open page: looks about once a second, and sends the parts that have changed."""

    def __init__(self, request: Request, who: Caller) -> None:
        query = request.query_params
        self._request = request
        self._who = who
        self._shard = shard_of(request)
        self._shards = shards_of(request, who)
        self._filter = filter_of(query) if query.get("view") == "jobs" else None
        self._after = _position(query.get("cursor"), START)
        self._until = _position(query.get("until"), END)
        self._ids = _uuids(query.get("ids"))
        self._job = query.get("job")
        self._sent: dict[str, bytes] = {}

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """The stream. Ends with `over` when the session does."""
        while not self._shard.follower.is_released:
            began = asyncio.get_running_loop().time()
            try:
                await self._check()
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

    async def _check(self) -> None:
        """Raises Problem where the session is over. While the shard of its key is away, the others go on for who was admitted."""
        try:
            await caller(self._request, "admin")
        except Unavailable:
            if len(self._shards) == 1:
                raise

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
        if self._job:
            # While its shard is away, the job stays as it was last seen.
            with contextlib.suppress(Unavailable, ServiceUnavailable):
                looks.append(("job", await self._whole(self._job)))
        board = await self._board()
        looks.append(("board", {**board, "schedules": [_with_next(row) for row in board["schedules"]]}))
        return looks

    async def _board(self) -> dict[str, Any]:
        """The overview; of several shards those that answer, and the names of the others as `missing`."""
        asked = await of_all(self._shards, lambda shard: shard.board.look())
        if len(self._shards) > 1:
            return merged_board(asked.answers, asked.missing)
        return asked.answers[self._shard.name]

    async def _jobs(self, filter: JobFilter) -> dict[str, Any]:
        filters = await wanted(self._request, self._who, filter)
        held = await holders(self._shards, self._ids)

        async def news(shard: Shard) -> tuple[Mapping[Position, Any], set[Position]]:
            shown = await shard.board.glance(held.answers.get(shard.name, ()))
            return shown, await shard.board.new(filters[shard], self._ids, self._after, self._until)

        asked = await of_all(self._shards, news)
        shown = merged_page.merged([Page(items, None) for items, _ in asked.answers.values()], MOST_SHOWN)
        new = set().union(*(places for _, places in asked.answers.values()))
        missing = sorted({*held.missing, *asked.missing})
        return {"items": list(shown.items.values()), "new": len(new), **named(missing)}

    async def _whole(self, text: str) -> dict[str, Any] | None:
        id = _uuid(text)
        shard = None if id is None else await holder(self._shards, id)
        job = None if id is None or shard is None else await shard.follower.job(id)
        if id is None or shard is None or job is None:
            return None
        return {
            **shard.documents.members(job),
            **await shard.board.facts(id),
            "attempts_log": await shard.attempts.of(id),
        }


def _with_next(row: dict[str, Any]) -> dict[str, Any]:
    """A schedule with its next tick: by the leader's expression, which this process's code need not have."""
    try:
        now = datetime.now(ZoneInfo(row["timezone"]))
        return {**row, "next_at": Cron.parse(row["cron"]).next_valid_date(now)}
    except (ValueError, ZoneInfoNotFoundError):
        return {**row, "next_at": None}


def _position(text: str | None, otherwise: Position) -> Position:
    return cursor.decode(text) if text else otherwise


def _uuids(text: str | None) -> frozenset[UUID]:
    ids = text.split(",") if text else []
    try:
        if len(ids) <= MOST_SHOWN:
            return frozenset(map(UUID, ids))
    except ValueError:
        pass
    raise Invalid([wrong("#/ids", f"ids are at most {MOST_SHOWN} ids of jobs, with commas between")])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
