"""Queues over HTTP: for operators."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.answers import answer_json, answer_list
from sooner.web.lookup import name
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer


@endpoint("GET", "/queues", scope="admin", tag="Queues", answers={200: Answer("The queues.", schemas.Queues)})
async def list_queues(request: Request, who: Caller) -> Response:
    """Every queue with its numbers; beyond 10,000 jobs a number is an estimate.

    `stranded` counts due jobs that no living worker would claim, as none serves their actor; jobs of a paused queue do not count.
    """
    shard = shard_of(request)
    return answer_list([_public(queue) for queue in await shard.queues.all()])


@endpoint(
    "POST",
    "/queues/{name}/pause",
    scope="admin",
    tag="Queues",
    answers={200: Answer("The queue.", schemas.Queue)},
    problems=(404,),
)
async def pause_queue(request: Request, who: Caller) -> Response:
    """No worker takes from it until it is resumed."""
    return await _set(request, paused=True)


@endpoint(
    "POST",
    "/queues/{name}/resume",
    scope="admin",
    tag="Queues",
    answers={200: Answer("The queue.", schemas.Queue)},
    problems=(404,),
)
async def resume_queue(request: Request, who: Caller) -> Response:
    """Workers take from it again."""
    return await _set(request, paused=False)


async def _set(request: Request, *, paused: bool) -> Response:
    shard = shard_of(request)
    return answer_json(_public(await shard.queues.pause(name(request), paused=paused)))


def _public(queue: Mapping[str, Any]) -> dict[str, Any]:
    return {member: queue[member] for member in schemas.Queue.__annotations__}
