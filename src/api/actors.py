"""What can be asked for, and what runs by itself."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from src import actors, schedules
from src.api import schemas
from src.api.answers import answer_list
from src.api.auth import caller
from src.api.operation import Answer, operation
from src.api.resources import Resources
from src.db import Queries
from src.jobs.declare import JobActor

SQL = Queries("src.api", "sql/actors.sql")


@operation(tag="Actors", answers={200: Answer("The actors.", schemas.Actors)})
async def catalogue(request: Request) -> Response:
    """GET /actors: every actor with its schemas; operators also see those that only schedules ask for."""
    resources: Resources = request.app.state.resources
    who = await caller(request)
    upcoming = _upcoming(await resources.readers.rows(SQL.zone))
    shown = dict(resources.actors)
    if who.is_admin:
        shown |= {name: actor for name, actor in actors.broker.actors.items() if name in upcoming}
    return answer_list(
        [members(shown[name], upcoming.get(name), resources.forecast.typical(name)) for name in sorted(shown)]
    )


def members(
    actor: JobActor, schedule: Mapping[str, Any] | None, typical: tuple[float | None, float | None]
) -> dict[str, Any]:
    """What is said of an actor; `typical` durations in seconds, p50 and p95, None until a run is known."""
    return {
        "name": actor.actor_name,
        "description": actor.description,
        "parameters": actor.schema(),
        "result": actor.result_schema(),
        "queue": actor.queue_name,
        "internal": actor.declaration.internal,
        "schedule": schedule,
        "duration": dict(zip(("p50", "p95"), typical, strict=True)),
    }


def _upcoming(rows: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The next tick of each scheduled actor, in the zone that the scheduler last ran with."""
    zone = ZoneInfo(rows[0]["timezone"] if rows else "UTC")
    latest_first = sorted(
        schedules.upcoming(datetime.now(UTC), zone), key=lambda schedule: schedule.next_at, reverse=True
    )
    return {
        each.actor: {"name": each.name, "cron": each.cron, "timezone": zone.key, "next_at": each.next_at}
        for each in latest_first
    }


ROUTES = [Route("/actors", catalogue, methods=["GET"])]
