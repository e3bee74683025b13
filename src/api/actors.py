"""What can be asked for."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from src.api.answers import answer_list
from src.api.auth import caller
from src.api.resources import Resources
from src.jobs.declare import JobActor


async def actors(request: Request) -> Response:
    """GET /actors: every actor with its schemas."""
    resources: Resources = request.app.state.resources
    await caller(request)
    return answer_list([members(resources.actors[name]) for name in sorted(resources.actors)])


def members(actor: JobActor) -> dict[str, Any]:
    """What is said of an actor; durations in seconds, null until enough is known."""
    return {
        "name": actor.actor_name,
        "description": actor.description,
        "parameters": actor.schema(),
        "result": actor.result_schema(),
        "queue": actor.queue_name,
        "schedule": None,
        "duration": {"p50": None, "p95": None},
    }


ROUTES = [Route("/actors", actors, methods=["GET"])]
