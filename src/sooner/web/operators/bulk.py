"""The operators' actions on many failed jobs at once."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs import codec
from sooner.jobs.following.listing import START, JobFilter
from sooner.jobs.problem import Invalid, WrongState, wrong
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http import cursor
from sooner.web.http.answers import answer_json
from sooner.web.http.body import read_json
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body, Schema
from sooner.web.resources import Resources
from sooner.web.shard import Shard

MOST_AT_ONCE = 500
TEXT: Schema = {"type": ["string", "null"]}
MEANT: dict[str, Schema] = {
    "ids": {
        "type": ["array", "null"],
        "items": {"type": "string", "format": "uuid"},
        "maxItems": MOST_AT_ONCE,
    },
    "actor": TEXT,
    "cursor": TEXT,
}


@endpoint(
    "POST",
    "/dashboard/retry",
    scope="admin",
    tag="Dashboard",
    answers={200: Answer("How many.", schemas.Changed)},
    problems=(400, 413, 415, 422),
    body=Body({"type": "object", "properties": MEANT}),
)
async def retry_jobs(request: Request, who: Caller) -> Response:
    """Failed jobs go back to waiting, those named or those of an actor."""
    shard = shard_of(request)
    return await _each(request, lambda job, note: shard.actions.retry(job))


@endpoint(
    "POST",
    "/dashboard/resolve",
    scope="admin",
    tag="Dashboard",
    answers={200: Answer("How many.", schemas.Changed)},
    problems=(400, 413, 415, 422),
    body=Body({"type": "object", "properties": {**MEANT, "note": TEXT}}),
)
async def resolve_jobs(request: Request, who: Caller) -> Response:
    """The same failed jobs have been dealt with, perhaps with a note."""
    shard = shard_of(request)
    return await _each(request, shard.actions.resolve)


async def _each(request: Request, act: Callable[[UUID, str | None], Awaitable[None]]) -> Response:
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    asked = codec.read_object(await read_json(request, resources.settings.max_body_bytes))
    note = _text(asked, "note")
    ids, next = await _meant(shard, asked)
    refusals: list[WrongState] = []
    for id in ids:
        try:
            await act(id, note)
        except WrongState as refusal:
            refusals.append(refusal)
    return answer_json(
        {
            "changed": len(ids) - len(refusals),
            "refused": len(refusals),
            "reason": refusals[0].detail if refusals else None,
            "next": next,
        }
    )


async def _meant(shard: Shard, asked: dict[str, Any]) -> tuple[list[UUID], str | None]:
    """The jobs to act on, and the position of the jobs that one request does not reach. Raises Invalid."""
    if asked.get("ids") is not None:
        return _named(asked["ids"]), None
    # A retried job may fail again at once: a walk by positions in the list meets each job once.
    text = _text(asked, "cursor")
    after = cursor.decode(text) if text else START
    filter = JobFilter(state=State.ERROR, actor=_text(asked, "actor"))
    found, reached = await shard.listing.find(filter, MOST_AT_ONCE, after)
    return [row["message_id"] for row in found], None if reached is None else cursor.encode(reached)


def _named(ids: Any) -> list[UUID]:
    try:
        if len(ids) <= MOST_AT_ONCE:
            return [UUID(id) for id in ids]
    except (ValueError, TypeError, AttributeError):
        pass
    raise Invalid([wrong("#/ids", f"a list of at most {MOST_AT_ONCE} job ids is needed")])


def _text(asked: dict[str, Any], name: str) -> str | None:
    text = asked.get(name) or None
    if text is not None and not isinstance(text, str):
        raise Invalid([wrong(f"#/{name}", f"{name} is a text")])
    return text
