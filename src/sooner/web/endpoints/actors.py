"""The catalogue: actors that clients can ask for, and schedules."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Queries
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.operating.attempt_counts import DAYS, steps
from sooner.jobs.problem import Invalid, NotFound, wrong
from sooner.jobs.tenants.keys import Caller
from sooner.periodic import upcoming
from sooner.web.all_shards import of_all
from sooner.web.auth import shard_of, shards_of
from sooner.web.endpoint import endpoint
from sooner.web.http.answers import answer_list
from sooner.web.lookup import name
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer, Parameter
from sooner.web.resources import Resources

SQL = Queries("sooner.web.endpoints", "sql/actors.sql")

MOST_HOURS = DAYS * 24


@endpoint("GET", "/actors", scope="jobs", tag="Actors", answers={200: Answer("The actors.", schemas.Actors)})
async def list_actors(request: Request, who: Caller) -> Response:
    """Every actor with its schemas; operators also see those that only schedules ask for.

    `duration` is that of the runs on the caller's own shard.
    """
    resources: Resources = request.app.state.resources
    shard = shard_of(request)
    scheduled = _upcoming(resources, await shard.replica.rows(SQL.zone))
    shown = dict(resources.actors)
    if who.is_admin:
        shown |= {name: actor for name, actor in resources.every_actor.items() if name in scheduled}
    return answer_list(
        [members(shown[name], scheduled.get(name), shard.forecast.typical(name)) for name in sorted(shown)]
    )


@endpoint(
    "GET",
    "/actors/{name}/stats",
    scope="admin",
    tag="Actors",
    answers={200: Answer("The attempts.", schemas.ActorStats)},
    problems=(404, 422),
    parameters=(
        Parameter(
            "hours",
            "query",
            "How far it goes back.",
            {"type": "integer", "minimum": 1, "maximum": MOST_HOURS, "default": 24},
            24,
        ),
    ),
)
async def get_actor_stats(request: Request, who: Caller) -> Response:
    """What became of the attempts at an actor's jobs, and how long they took and waited.

    An item stands for five minutes in which an attempt began or ended on any shard, the oldest first.
    """
    resources: Resources = request.app.state.resources
    actor, hours = name(request), _hours(request)
    asked = await of_all(shards_of(request, who), lambda shard: shard.attempt_counts.history(actor, hours))
    items = steps(asked.answers.values())
    if not items and actor not in resources.every_actor:
        raise NotFound(f"There is no actor {actor!r}.")
    return answer_list(items, more=asked.members)


def _hours(request: Request) -> int:
    text = request.query_params.get("hours") or "24"
    hours = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= hours <= MOST_HOURS:
        raise Invalid([wrong("#/hours", f"hours is a number from 1 to {MOST_HOURS}")])
    return hours


def members(
    actor: JobActor, schedule: Mapping[str, Any] | None, typical: tuple[float | None, float | None]
) -> dict[str, Any]:
    """An actor's entry; `typical` has the p50 and p95 of its runs in seconds, None before the first run."""
    return {
        "name": actor.actor_name,
        "description": actor.description,
        "parameters": actor.schema,
        "result": actor.result.schema,
        "queue": actor.queue_name,
        "internal": actor.declaration.internal,
        "schedule": schedule,
        "duration": dict(zip(("p50", "p95"), typical, strict=True)),
    }


def _upcoming(resources: Resources, rows: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The next tick of each scheduled actor, in the zone that the scheduler last ran with."""
    zone = ZoneInfo(rows[0]["timezone"] if rows else "UTC")
    latest_first = sorted(
        upcoming(resources.schedules.values(), datetime.now(UTC), zone),
        key=lambda schedule: schedule.next_at,
        reverse=True,
    )
    return {
        each.actor: {"name": each.name, "cron": each.cron, "timezone": zone.key, "next_at": each.next_at}
        for each in latest_first
    }
