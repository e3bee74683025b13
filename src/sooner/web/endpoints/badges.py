"""A value of a job's result as a picture for other pages."""

import hashlib
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sooner.db import Queries
from sooner.jobs import codec, json_pointer
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.row import Job
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.badge import BLUE, GREEN, GREY, MOST_CHARACTERS, RED, svg
from sooner.web.http.validators import known_tags
from sooner.web.lookup import job_id, visible
from sooner.web.openapi.operation import IF_NONE_MATCH, Answer, Parameter
from sooner.web.shard import Shard

SQL = Queries("sooner.web.endpoints", "sql/badges.sql")

LONGEST_POINTER = 1000

#: A JSON pointer (RFC 6901, section 3), without the NUL that no result holds.
_POINTER = re.compile(r"(/([^/~\0]|~[01])*)*")

#: A browser that opens the picture as a page runs nothing of it.
SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
#: Done jobs stay as they are, all others may change at any moment.
KEPT, ASKED_AGAIN = "max-age=300", "no-cache"

_COLOURS = {State.DONE: GREEN, State.ERROR: RED, State.ERROR_RESOLVED: RED}


@endpoint(
    "GET",
    "/jobs/{id}/badge.svg",
    scope="jobs",
    tag="Jobs",
    answers={
        200: Answer("The picture.", media="image/svg+xml", headers=("ETag",)),
        304: Answer("The client has this version already.", headers=("ETag",)),
    },
    problems=(404, 410, 422),
    parameters=(
        Parameter(
            "label",
            "query",
            "The text before the value; the actor's name.",
            {"type": "string", "maxLength": MOST_CHARACTERS},
            "tests",
        ),
        Parameter(
            "value",
            "query",
            "A JSON pointer into the result, `/by_status/skipped` for example; without it the job's state is shown.",
            {"type": "string", "maxLength": LONGEST_POINTER},
            "/tests",
        ),
        IF_NONE_MATCH,
    ),
    by_address=True,
)
async def get_job_badge(request: Request, who: Caller | None) -> Response:
    """A value of the result as a badge: a number, a text, or the length of a list.

    The badge shows the job's state while there is no result, and `no value` where the pointer leads to none.
    """
    shard = shard_of(request)
    id, label, path = job_id(request), _label(request), _path(request)
    job = await visible(shard, id, who)
    message, colour = str(job.state), _COLOURS.get(job.state, GREY)
    if path is not None and job.state is State.DONE:
        message, colour = await _value(shard, job, path)
    return _answer(request, svg(job.actor if label is None else label, message, colour), job)


def _label(request: Request) -> str | None:
    """Raises Invalid."""
    label = request.query_params.get("label")
    if label is not None and len(label) > MOST_CHARACTERS:
        raise Invalid([wrong("#/label", f"a label has at most {MOST_CHARACTERS} characters")])
    return label


def _path(request: Request) -> list[str] | None:
    """The parts of the pointer. Raises Invalid."""
    pointer = request.query_params.get("value")
    if pointer is None:
        return None
    if len(pointer) > LONGEST_POINTER:
        raise Invalid([wrong("#/value", f"a pointer has at most {LONGEST_POINTER} characters")])
    if not _POINTER.fullmatch(pointer):
        raise Invalid(
            [wrong("#/value", "a JSON pointer into the result is needed, such as /tests (RFC 6901)")]
        )
    return json_pointer.parts(pointer)


async def _value(shard: Shard, job: Job, path: list[str]) -> tuple[str, str]:
    row = await shard.database.row(SQL.value, id=job.id, path=path)
    if row is None or row["value"] is None:
        return "no value", GREY
    return _words(codec.loads(row["value"])), BLUE


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    # A boolean is an int in Python.
    if isinstance(value, bool) or value is None:
        return codec.dumps(value)
    return f"{value:,}"


def _answer(request: Request, picture: str, job: Job) -> Response:
    body = picture.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": KEPT if job.state is State.DONE else ASKED_AGAIN, **SAFE}
    if known_tags(request.headers.getlist("if-none-match")) & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="image/svg+xml")
