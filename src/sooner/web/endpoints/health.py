"""The probes: whether the process is up, and whether it can serve."""

import asyncpg
import orjson
from starlette.requests import Request
from starlette.responses import Response

from sooner.db.migrations import SQL, is_current, newest_revision
from sooner.jobs.problem import ServiceUnavailable
from sooner.web.all_shards import OfAll, of_all
from sooner.web.endpoint import endpoint
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer
from sooner.web.resources import Resources
from sooner.web.shard import Shard


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
    """The database is there, with the schema this code was written for; of several databases one at least."""
    resources: Resources = request.app.state.resources
    found = await of_all(resources.shards.values(), _revision)
    current = [revision for revision in found.answers.values() if is_current(revision)]
    if not current:
        name, revision = next(iter(found.answers.items()))
        which = f" of shard {name}" if name else ""
        raise ServiceUnavailable(
            f"The schema{which} is at {revision or 'no revision'}, this code needs {newest_revision()}: run the migrations."
        )
    answer: dict[str, object] = {"status": "ok", "schema": min(current)}
    if resources.several:
        answer["shards"] = {name: _state(found, name) for name in resources.shards}
    return Response(orjson.dumps(answer), media_type="application/json")


def _state(found: OfAll[str | None], name: str) -> str:
    """A shard in a word: the others serve on where its schema is older than this code."""
    if name not in found.answers:
        return "away"
    return "ok" if is_current(found.answers[name]) else "old schema"


async def _revision(shard: Shard) -> str | None:
    """The schema's revision; None before the first migration, and for the schema of an older release."""
    try:
        row = await shard.database.row(SQL.revision)
    except asyncpg.UndefinedTableError:
        return None
    return None if row is None else str(row["version_num"])
