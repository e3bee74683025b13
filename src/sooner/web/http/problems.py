"""Refusals and failures as application/problem+json (RFC 9457)."""

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sooner.blobs import StoreAway
from sooner.db import TenantMoves, Unavailable
from sooner.jobs.problem import (
    MethodNotAllowed,
    NotFound,
    Problem,
    ServiceUnavailable,
)
from sooner.process import logs

log = logs.get(__name__)

#: A restart of PostgreSQL takes seconds.
DATABASE_RETRY_SECONDS = 2
STORE_RETRY_SECONDS = 5
#: A tenant is frozen for about as long.
MOVE_RETRY_SECONDS = 1


def problem_of(error: Exception) -> Problem:
    """The problem by which a client learns of an exception."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, TenantMoves):
        return ServiceUnavailable(
            "The tenant's data is being moved to another database: the same request will do in a moment.",
            retry_after=MOVE_RETRY_SECONDS,
        )
    if isinstance(error, Unavailable):
        return ServiceUnavailable("The database is away.", retry_after=DATABASE_RETRY_SECONDS)
    if isinstance(error, StoreAway):
        log.warning("store away", error=str(error))
        return ServiceUnavailable("The store of uploads and files is away.", retry_after=STORE_RETRY_SECONDS)
    if isinstance(error, HTTPException):
        return _of_starlette(error)
    log.error("request failed", exc_info=error)
    return Problem("The service failed unexpectedly: its operators find the cause by the X-Request-ID.")


def _of_starlette(error: HTTPException) -> Problem:
    if error.status_code == 405:
        return MethodNotAllowed((error.headers or {}).get("Allow", ""))
    if error.status_code == 404:
        return NotFound()
    return Problem(error.detail)


def response(problem: Problem) -> Response:
    """The answer for a problem."""
    return Response(
        orjson.dumps(problem.document()),
        problem.status,
        dict(problem.headers()),
        media_type="application/problem+json",
    )
