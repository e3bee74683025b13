"""The probes: whether the process is up, and whether it can serve."""

import asyncpg
import orjson
from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Queries
from sooner.db.migrations import newest_revision
from sooner.jobs.problem import ServiceUnavailable
from sooner.web.endpoint import endpoint
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer
from sooner.web.resources import Resources
from sooner.web.shard import Shard

SQL = Queries("sooner.web.endpoints", "sql/health.sql")


@endpoint(
    "GET",
    "/livez",
    scope="public",
    tag="Service",
    answers={200: Answer("The process answers.", schemas.Health)},
)
async def get_liveness(request: Request) -> Response:
    """The process answers."""
    return Response(orjson.dumps({"status": "ok"}), media_type="application/json")


@endpoint(
    "GET",
    "/readyz",
    scope="public",
    tag="Service",
    answers={200: Answer("The process can serve.", schemas.Readiness)},
    problems=(503,),
)
async def get_readiness(request: Request) -> Response:
    """The database is there, with the schema this code was written for."""
    resources: Resources = request.app.state.resources
    found, needed = await _revision(resources.home), newest_revision()
    if found is None or found < needed:
        raise ServiceUnavailable(
            f"The schema is at {found or 'no revision'}, this code needs {needed}: run the migrations."
        )
    return Response(orjson.dumps({"status": "ok", "schema": found}), media_type="application/json")


async def _revision(shard: Shard) -> str | None:
    """The schema's revision; None before the first migration, and for the schema of an older release."""
    try:
        row = await shard.database.row(SQL.revision)
    except asyncpg.UndefinedTableError:
        return None
    return None if row is None else str(row["version_num"])
