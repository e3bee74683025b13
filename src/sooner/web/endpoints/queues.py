"""Queues over HTTP: for operators."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sooner.web.auth import caller
from sooner.web.http.answers import answer_json, answer_list
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, operation
from sooner.web.resources import Resources


@operation(tag="Queues", answers={200: Answer("The queues.", schemas.Queues)}, credentials="admin")
async def queues(request: Request) -> Response:
    """GET /queues: every queue with its numbers; beyond 10,000 jobs a number is an estimate.

    `stranded` counts due jobs that no living worker would claim, as none serves their actor; jobs of a paused queue do not count.
    """
    resources: Resources = request.app.state.resources
    await caller(request, "admin")
    return answer_list([_public(queue) for queue in await resources.queues.all()])


@operation(
    tag="Queues", answers={200: Answer("The queue.", schemas.Queue)}, problems=(404,), credentials="admin"
)
async def pause(request: Request) -> Response:
    """POST /queues/{name}/pause: no worker takes from it until it is resumed."""
    return await _set(request, paused=True)


@operation(
    tag="Queues", answers={200: Answer("The queue.", schemas.Queue)}, problems=(404,), credentials="admin"
)
async def resume(request: Request) -> Response:
    """POST /queues/{name}/resume: workers take from it again."""
    return await _set(request, paused=False)


async def _set(request: Request, *, paused: bool) -> Response:
    resources: Resources = request.app.state.resources
    await caller(request, "admin")
    return answer_json(_public(await resources.queues.pause(request.path_params["name"], paused=paused)))


def _public(queue: Mapping[str, Any]) -> dict[str, Any]:
    return {name: queue[name] for name in schemas.Queue.__annotations__}


ROUTES = [
    Route("/queues", queues, methods=["GET"]),
    Route("/queues/{name}/pause", pause, methods=["POST"]),
    Route("/queues/{name}/resume", resume, methods=["POST"]),
]
