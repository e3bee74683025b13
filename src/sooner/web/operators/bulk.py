"""The operators' actions on many failed jobs at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sooner.db import TenantMoves, Unavailable
from sooner.jobs import codec
from sooner.jobs.following.listing import START, JobFilter
from sooner.jobs.problem import Invalid, WrongState, wrong
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.web.all_shards import named
from sooner.web.auth import shards_of
from sooner.web.endpoint import endpoint
from sooner.web.holders import holders
from sooner.web.http import cursor
from sooner.web.http.answers import answer_json
from sooner.web.http.body import read_json
from sooner.web.merged_list import page_of, wanted
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Body, Schema
from sooner.web.resources import Resources
from sooner.web.shard import Shard

#: Acts on one job of a shard, perhaps with a note. Raises WrongState and Unavailable.
Act = Callable[[Shard, UUID, str | None], Awaitable[None]]

MOST_AT_ONCE = 500
MOVES = "Its tenant is being moved to another shard: try again in a moment."
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


@dataclass(slots=True)
class _Done:
    """What was done on one shard: how many jobs changed, why the first of the others did not, and the shard's name if it went away."""

    changed: int = 0
    reason: str | None = None
    away: str = ""


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
    return await _each(request, who, lambda shard, job, note: shard.actions.retry(job))


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
    return await _each(request, who, lambda shard, job, note: shard.actions.resolve(job, note))


async def _each(request: Request, who: Caller, act: Act) -> Response:
    resources: Resources = request.app.state.resources
    shards = shards_of(request, who)
    asked = codec.read_object(await read_json(request, resources.settings.max_body_bytes))
    note = _text(asked, "note")
    ids, next, missing = await _meant(request, who, asked)
    held = await holders(shards, ids)
    done = await asyncio.gather(
        *(_on(shard, jobs, act, note) for shard in shards if (jobs := held.answers.get(shard.name)))
    )
    changed = sum(each.changed for each in done)
    away = {*missing, *held.missing, *(each.away for each in done if each.away)}
    reasons = [each.reason for each in done if each.reason]
    if sum(map(len, held.answers.values())) < len(set(ids)):
        reasons.append("There is no such job." if not away else f"Away: {', '.join(sorted(away))}.")
    return answer_json(
        {
            "changed": changed,
            "refused": len(ids) - changed,
            "reason": reasons[0] if reasons else None,
            "next": next,
            **named(sorted(away)),
        }
    )


async def _on(shard: Shard, jobs: Sequence[UUID], act: Act, note: str | None) -> _Done:
    """Do it to one shard's jobs, one after another. Raises Unavailable where there is only one shard."""
    done = _Done()
    for id in jobs:
        try:
            await act(shard, id, note)
            done.changed += 1
        except WrongState as refusal:
            done.reason = done.reason or refusal.detail
        except TenantMoves:
            done.reason = done.reason or MOVES
        except Unavailable:
            if not shard.name:
                raise
            done.away = shard.name
            done.reason = done.reason or f"Away: {shard.name}."
            break
    return done


async def _meant(
    request: Request, who: Caller, asked: dict[str, Any]
) -> tuple[list[UUID], str | None, Sequence[str]]:
    """The jobs to act on, the position of the jobs that one request does not reach, and the missing shards. Raises Invalid."""
    if asked.get("ids") is not None:
        return _named(asked["ids"]), None, ()
    # A retried job may fail again at once: a walk by positions in the list meets each job once.
    text = _text(asked, "cursor")
    after = cursor.decode(text) if text else START
    filter = JobFilter(state=State.ERROR, actor=_text(asked, "actor"))
    page = await page_of(
        await wanted(request, who, filter),
        MOST_AT_ONCE,
        lambda shard, its: shard.listing.find(its, MOST_AT_ONCE, after),
    )
    ids = [id for _, id in page.items]
    return ids, None if page.next is None else cursor.encode(page.next), page.missing


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
