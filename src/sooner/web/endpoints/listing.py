"""Lists of jobs over HTTP."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.following.listing import PAGE_BYTES, START, JobFilter, Position
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.web.all_shards import named
from sooner.web.endpoint import endpoint
from sooner.web.http import cursor
from sooner.web.http.answers import answer_list
from sooner.web.http.root import root
from sooner.web.merged_list import page_of, wanted
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Parameter

DEFAULT_LIMIT = 50
MOST = 100

#: The parameters of a page of any list.
PAGE = (
    Parameter("limit", "query", "At most this many.", {"type": "integer", "minimum": 1, "maximum": MOST}, 20),
    Parameter("cursor", "query", "From a page's `next`.", {"type": "string"}),
)


@endpoint(
    "GET",
    "/jobs",
    scope="jobs",
    tag="Jobs",
    answers={200: Answer("A page of jobs.", schemas.Jobs, headers=("Link",))},
    problems=(422,),
    parameters=(
        Parameter("state", "query", "Only jobs in this state.", {"enum": [*State]}, "error"),
        Parameter("actor", "query", "Only jobs of this actor.", {"type": "string"}),
        Parameter(
            "parent",
            "query",
            "Only jobs that this one's code submitted.",
            {"type": "string", "format": "uuid"},
        ),
        *PAGE,
    ),
)
async def list_jobs(request: Request, who: Caller) -> Response:
    """The tenant's jobs, newest first; an operator's list holds everybody's."""
    query = request.query_params
    filter = filter_of(query, None if who.is_admin else who.tenant)
    limit, after = limit_of(query), position_of(query)
    shards = await wanted(request, who, filter)
    most_bytes = PAGE_BYTES // len(shards)
    page = await page_of(shards, limit, lambda shard, its: shard.listing.page(its, limit, after, most_bytes))
    items = [orjson.Fragment(shard.documents.render(job)) for shard, job in page.items]
    return answer_list(items, None if page.next is None else _address(query, page.next), named(page.missing))


def filter_of(query: QueryParams, tenant: str | None = None) -> JobFilter:
    """The filter that a query string describes, for one tenant or for all. Raises Invalid."""
    return JobFilter(tenant, _state(query), _actor(query), _parent(query))


def _state(query: QueryParams) -> State | None:
    text = query.get("state")
    try:
        return State(text) if text else None
    except ValueError:
        raise Invalid([wrong("#/state", f"state is one of {', '.join(State)}")]) from None


def _actor(query: QueryParams) -> str | None:
    text = query.get("actor") or None
    if text is not None and "\0" in text:
        raise Invalid([wrong("#/actor", "a NUL character is in no actor's name")])
    return text


def _parent(query: QueryParams) -> UUID | None:
    text = query.get("parent")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid([wrong("#/parent", "parent is the id of a job")]) from None


def limit_of(query: QueryParams) -> int:
    """The size of the page that a query string asks for. Raises Invalid."""
    text = query.get("limit") or str(DEFAULT_LIMIT)
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= limit <= MOST:
        raise Invalid([wrong("#/limit", f"limit is a number from 1 to {MOST}")])
    return limit


def position_of(query: QueryParams) -> Position:
    """The position behind which the page begins. Raises Invalid."""
    text = query.get("cursor")
    return cursor.decode(text) if text else START


def _address(query: QueryParams, next: Position) -> str:
    kept = {name: query[name] for name in ("state", "actor", "parent", "limit") if query.get(name)}
    return address_of("/jobs", kept, next)


def address_of(path: str, kept: Mapping[str, str], next: Position) -> str:
    """The address of a list's next page, with the query parameters that it keeps."""
    return f"{root()}{path}?" + urlencode({**kept, "cursor": cursor.encode(next)})
