"""The shards that hold jobs, by the jobs' bare ids."""

import contextlib
from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import Any
from uuid import UUID

from starlette.requests import Request

from sooner.jobs.following.follower import SQL as READ
from sooner.jobs.problem import NotFound, ServiceUnavailable
from sooner.jobs.tenants.keys import Caller
from sooner.web.all_shards import PATIENCE_SECONDS, OfAll, named, of_all
from sooner.web.auth import shard_of, shards_of
from sooner.web.lookup import job_id
from sooner.web.shard import Shard

Row = Mapping[str, Any]


async def holders(shards: Collection[Shard], ids: Collection[UUID]) -> OfAll[list[UUID]]:
    """The jobs of each shard among these. Raises Unavailable where no shard answers. One shard alone is not asked.

    While its tenant moves a job may be on two shards. It is held by the one where its tenant's work is done, else by the one
    where it has changed more.
    """
    if len(shards) == 1:
        return OfAll({shard.name: list(ids) for shard in shards}, ())
    return _best(await of_all(shards, lambda shard: _whereabouts(shard, ids)))


def _best(found: OfAll[list[Row]]) -> OfAll[list[UUID]]:
    """The jobs of each shard, where each says what it has of them."""
    best: dict[UUID, tuple[tuple[bool, int], str]] = {}
    for shard, rows in found.answers.items():
        for row in rows:
            claim = not row["is_frozen"], row["version"]
            if row["id"] not in best or best[row["id"]][0] < claim:
                best[row["id"]] = claim, shard
    held: dict[str, list[UUID]] = {shard: [] for shard in found.answers}
    for id, (_, shard) in best.items():
        held[shard].append(id)
    return OfAll(held, found.missing)


def _whereabouts(shard: Shard, ids: Collection[UUID]) -> Coroutine[Any, Any, list[Row]]:
    return shard.database.rows(READ.whereabouts, ids=ids)


def _is_at_work(rows: list[Row]) -> bool:
    """Whether a shard that is asked for one job has it, and no other shard can have more than a copy of it."""
    return any(not row["is_frozen"] for row in rows)


async def holder(shards: Sequence[Shard], id: UUID) -> Shard | None:
    """The shard that holds a job, if one does. It waits for no other shard where one says that the job is at work there.

    Raises ServiceUnavailable where only those may hold it that do not answer, and Unavailable where none answers.
    """
    if len(shards) == 1:
        return shards[0]
    held = _best(await of_all(shards, lambda shard: _whereabouts(shard, [id]), is_enough=_is_at_work))
    shard = next((shard for shard in shards if held.answers.get(shard.name)), None)
    if shard is None and held.missing:
        raise ServiceUnavailable(
            f"No shard that answers has this job, and {' and '.join(held.missing)} does not answer: repeat this request.",
            retry_after=PATIENCE_SECONDS,
            **named(held.missing),
        )
    return shard


async def turn_to_holder(request: Request, who: Caller | None) -> None:
    """Let a request about a job go on at the shard that holds the job, where the caller's jobs lie on several shards.

    Raises what `holder` raises. A job that no shard has is left to the caller's own shard, which says so.
    """
    shards = shards_of(request, who)
    if len(shards) > 1:
        with contextlib.suppress(NotFound):
            shard = await holder(shards, job_id(request))
            request.scope["state"]["shard"] = shard or shard_of(request)
