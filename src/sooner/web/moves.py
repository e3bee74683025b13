"""Requests of tenants that are being moved to another shard: they wait for the move's short end, and go on there."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from sooner.db import TenantMoves
from sooner.jobs.problem import Gone, NotFound
from sooner.web.auth import reside
from sooner.web.http import body
from sooner.web.residence import Residence
from sooner.web.resources import Resources

#: A tenant is frozen for a second or two.
PATIENCE_SECONDS = 3.0


async def wherever(request: Request, attempt: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of an attempt, which resolves where the caller's tenant is; of another one, where the tenant has moved meanwhile.

    What is refused while the tenant moves is tried again at its end, what is not found where the tenant was is looked for where it
    is. Both have changed nothing. Raises whatever the last attempt raises.
    """
    body.keep(request)
    try:
        return await attempt()
    except TenantMoves:
        if (residence := _residence(request)) is None:
            raise
        await _end(request, residence)
    except (NotFound, Gone):
        residence = _residence(request)
        if residence is None or not await _has_moved(request, residence):
            raise
    return await attempt()


async def once_thawed(request: Request) -> None:
    """Let a request whose body can be read but once go on at the end of a move, or after `PATIENCE_SECONDS`.

    A mover that died may have left the directory's word behind: the database knows whether the tenant is frozen.
    """
    residence = _residence(request)
    if residence is not None and residence.place is not None and residence.place.is_frozen:
        reside(request, await _end(request, residence))


def _residence(request: Request) -> Residence | None:
    """Where the caller's tenant was found, if anybody was admitted."""
    residence: Residence | None = request.scope["state"].get("residence")
    return residence


async def _end(request: Request, residence: Residence) -> Residence:
    """The residence at the end of a move, or after `PATIENCE_SECONDS`."""
    resources: Resources = request.app.state.resources
    return await resources.residences.changed(residence, PATIENCE_SECONDS)


async def _has_moved(request: Request, residence: Residence) -> bool:
    resources: Resources = request.app.state.resources
    return await resources.residences.anew(residence) is not residence
